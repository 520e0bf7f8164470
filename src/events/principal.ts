/** What a credential may allow. */
export const SCOPES = [
  "workflows:read",
  "workflows:run",
  "events:read",
  "events:emit",
  "events:broadcast",
  "events:read:all",
  "sessions:write",
  "admin",
] as const;

/** What a credential must allow for an operation. */
export type Scope = (typeof SCOPES)[number];

/** Who is calling, as the credential says. */
export interface Principal {
  /** 1 to 128 of printable ASCII without space and comma: the owner of whatever the call causes. */
  readonly userId: string;
  readonly scopes: readonly Scope[];
}

/** Who makes a call from outside, and with what. */
export interface Caller extends Principal {
  /** The API key it came with. */
  readonly keyId?: string;
  /** When its credential ends by itself, where that is known. */
  readonly until?: number | undefined;
  /** Whether its credential is good no more: asked of streams that are open. */
  readonly lapsed?: () => boolean;
}
