import { isLoss } from "../../delivery/subscription.ts";
import { NexusError } from "../../errors.ts";
import type { Cursor } from "../../events/event.ts";
import type { Sight } from "../../events/filter.ts";
import { positionOf } from "../../log/cursor.ts";
import type { Feed } from "../../log/feed.ts";
import type { Log } from "../../log/log.ts";

/** The first frame of a pushed stream. */
export interface Resume {
  /** As it was asked for; null when nothing was. */
  readonly requested: string | null;
  readonly from: Cursor;
  readonly recovered: boolean;
  readonly earliest: Cursor;
  readonly reason?: "expired" | "unknown" | "ahead" | "invalid";
}

/**
 * Where a pushed stream begins. One that cannot recover says so, and goes on live, or from the earliest with `onLoss`.
 *
 * @param requested a place, or `undefined` for the end of the log.
 */
export async function resumeAt(
  log: Log,
  feed: Feed,
  requested: string | undefined,
  onLoss: string | undefined,
  sight: Sight | undefined,
): Promise<{ readonly position: number; readonly resume: Resume }> {
  let position: number;
  let reason: Resume["reason"];
  try {
    position = await positionOf(log, requested ?? "latest", sight);
  } catch (error) {
    if (!isLoss(error) && !NexusError.is(error, "CURSOR_INVALID")) throw error;
    reason = reasonOf(error);
    position = await positionOf(log, onLoss === "earliest" ? "earliest" : "latest");
  }
  const { floor } = await log.head();
  const [from, earliest] = await Promise.all([feed.cursorAt(position, sight), feed.cursorAt(floor, sight)]);
  return {
    position,
    resume: { requested: requested ?? null, from, recovered: reason === undefined, earliest, ...(reason !== undefined && { reason }) },
  };
}

function reasonOf(error: NexusError): Resume["reason"] {
  if (NexusError.is(error, "CURSOR_UNKNOWN")) return error.details.reason;
  return NexusError.is(error, "CURSOR_EXPIRED") ? "expired" : "invalid";
}

/** @throws FILTER_INVALID */
export function checkOnLoss(onLoss: unknown): asserts onLoss is "earliest" | undefined {
  if (onLoss !== undefined && onLoss !== "earliest")
    throw new NexusError("FILTER_INVALID", { field: "onLoss", reason: "it is earliest" }, { detail: "onLoss: it is earliest" });
}
