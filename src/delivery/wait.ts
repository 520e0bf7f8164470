import type { NexusEvent } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import type { JsonObject } from "../events/json.ts";
import { matches } from "../events/match.ts";
import type { Feed } from "../log/feed.ts";
import { matching } from "../log/matching.ts";
import { type Clock, NEEDLESS } from "../observability/clock.ts";

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
 * @param timeoutMs from now; `undefined` for no end. Negative when it is over since then: only what was recorded by then counts.
 * @returns `undefined` when the time is over, and all that was recorded until then has been looked at.
 * @throws the signal's reason · CURSOR_EXPIRED
 */
export async function waitFor(
  feed: Feed,
  clock: Clock,
  wanted: WaitFor,
  timeoutMs: number | undefined,
  signal: AbortSignal,
): Promise<NexusEvent | undefined> {
  const late = timeoutMs !== undefined && timeoutMs < 0 ? clock.now() + timeoutMs : undefined;
  const over = new AbortController();
  const ended = new AbortController();
  if (timeoutMs !== undefined) {
    clock.sleep(Math.max(0, timeoutMs), AbortSignal.any([ended.signal, signal])).then(
      () => over.abort(NEEDLESS),
      () => {}, // The wait is over before its time.
    );
  }
  try {
    const either = AbortSignal.any([over.signal, signal]);
    let last = false;
    for (let position = wanted.after; ; ) {
      signal.throwIfAborted();
      const read = feed.read(position, wanted.filter);
      const batch = read instanceof Promise ? await read : read;
      const found = batch?.events.find(({ event }) => matches(event, wanted.match))?.event;
      if (found !== undefined) return late !== undefined && found.timestamp > late ? undefined : found;
      // Time counts only for who has seen everything: what came in time is not missed by reading it late.
      if (batch === undefined && last) return undefined;
      if (batch === undefined && (over.signal.aborted || late !== undefined)) {
        await feed.caughtUp(signal);
        last = true;
      } else if (batch === undefined)
        await matching(feed, wanted.filter, either, (at) => {
          position = Math.max(position, at);
        }).catch((error: unknown) => rethrowUnless(over.signal.aborted, error));
      else position = batch.next;
    }
  } finally {
    ended.abort(NEEDLESS);
  }
}

function rethrowUnless(expected: boolean, error: unknown): void {
  if (!expected) throw error;
}
