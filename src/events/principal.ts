/** What a credential must allow for an operation. */
export type Scope =
  | "workflows:read"
  | "workflows:run"
  | "events:read"
  | "events:emit"
  | "events:broadcast"
  | "events:read:all"
  | "sessions:write"
  | "admin";

/** Who is calling, as the credential says. */
export interface Principal {
  readonly userId: string;
  readonly scopes: readonly Scope[];
}
