import { EVERYTHING, type Filter } from "../events/filter.ts";
import type { Batch } from "./batch.ts";
import type { Feed } from "./feed.ts";

/**
 * The log from a position on, without end: batches of what matches, each with the position it reaches.
 *
 * Also batches without events come, when a filter skipped what there was: their position is worth keeping.
 */
export async function* tail(feed: Feed, after: number, signal: AbortSignal, filter: Filter = EVERYTHING): AsyncGenerator<Batch, never> {
  for (let position = after; ; ) {
    signal.throwIfAborted();
    const batch = await feed.read(position, filter);
    if (batch !== undefined) {
      position = batch.next;
      yield batch;
    }
    // Not a subscription: it compares positions, so an append between the two calls is never missed.
    else await feed.past(position, signal);
  }
}
