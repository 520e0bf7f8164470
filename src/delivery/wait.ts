import type { NexusEvent } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import { canonicalJson, type JsonObject } from "../events/json.ts";
import type { Feed } from "../log/feed.ts";
import { tail } from "../log/tail.ts";
import type { Clock } from "../observability/clock.ts";

export interface WaitFor {
  readonly filter: Filter;
  /** Fields of `data` that must have these values. */
  readonly match?: JsonObject | undefined;
  /** The position to look from. */
  readonly after: number;
}

/**
 * The first matching event after a position.
 *
 * @param timeoutMs from now; `undefined` for no end.
 * @returns `undefined` when the time is over.
 * @throws the signal's reason · CURSOR_EXPIRED
 */
export async function waitFor(
  feed: Feed,
  clock: Clock,
  wanted: WaitFor,
  timeoutMs: number | undefined,
  signal: AbortSignal,
): Promise<NexusEvent | undefined> {
  const over = new AbortController();
  const either = AbortSignal.any([over.signal, signal]);
  if (timeoutMs !== undefined) {
    clock.sleep(timeoutMs, either).then(
      () => over.abort(),
      () => {}, // The wait is over before its time.
    );
  }
  try {
    for await (const { events } of tail(feed, wanted.after, either, wanted.filter)) {
      for (const { event } of events) if (matches(event, wanted.match)) return event;
    }
  } catch (error) {
    if (!over.signal.aborted || signal.aborted) throw error;
  } finally {
    over.abort();
  }
  return undefined;
}

function matches(event: NexusEvent, match: JsonObject | undefined): boolean {
  if (match === undefined) return true;
  const { data } = event;
  if (typeof data !== "object" || data === null) return false;
  return Object.entries(match).every(
    ([field, value]) => Object.hasOwn(data, field) && canonicalJson((data as JsonObject)[field]) === canonicalJson(value),
  );
}
