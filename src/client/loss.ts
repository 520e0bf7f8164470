import { NexusError } from "../errors.ts";
import type { Cursor } from "../events/event.ts";

/** What a stream says first. `recovered: false`: what lies between the place asked for and `from` is missing, for the reason given. */
export interface Resume {
  readonly requested: Cursor | null;
  readonly from: Cursor;
  readonly recovered: boolean;
  readonly earliest: Cursor;
  readonly reason?: "expired" | "unknown" | "ahead" | "invalid";
}

/** The error for a place that is gone: the one that a reader in the server's own process gets. */
export function lossOf({ requested, earliest, reason }: Resume): NexusError {
  const cursor = requested ?? "";
  if (reason === "invalid") return new NexusError("CURSOR_INVALID", { cursor });
  if (reason === "expired") return new NexusError("CURSOR_EXPIRED", { cursor, earliest });
  return new NexusError("CURSOR_UNKNOWN", { cursor, reason: reason === "ahead" ? reason : "unknown", earliest });
}
