import type { Cursor } from "../events/event.ts";
import { EVERYTHING, type Filter } from "../events/filter.ts";
import type { Batch } from "./batch.ts";
import type { Feed } from "./feed.ts";
import { matching } from "./matching.ts";

/**
 * The log from a position on, without end: batches of what matches, each with the position it reaches.
 *
 * Also batches without events come, when a filter skipped what there was. Once it has read everything it waits, and costs nothing, until something matches.
 */
export class Tail implements AsyncIterable<Batch> {
  readonly #feed: Feed;
  readonly #filter: Filter;
  readonly #signal: AbortSignal;
  #position: number;
  #waits = false;

  /** @param signal ends it: what is awaited rejects with its reason. */
  constructor(feed: Feed, after: number, signal: AbortSignal, filter: Filter = EVERYTHING) {
    this.#feed = feed;
    this.#filter = filter;
    this.#signal = signal;
    this.#position = after;
  }

  /** The position of all that it has read, also where nothing of it matched. */
  get position(): number {
    return this.#waits ? Math.max(this.#position, this.#feed.end) : this.#position;
  }

  /** The cursor of that position while it waits for more. */
  get waitsAt(): Cursor | undefined {
    return this.#waits && this.#feed.end >= this.#position ? this.#feed.endCursor(this.#filter.seen?.by) : undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, never> {
    for (;;) {
      this.#signal.throwIfAborted();
      const read = this.#feed.read(this.#position, this.#filter);
      const batch = read instanceof Promise ? await read : read;
      if (batch !== undefined) {
        this.#position = batch.next;
        yield batch;
      }
      // In the turn in which there was no more to read: nothing comes between.
      else await this.#matching();
    }
  }

  #matching(): Promise<void> {
    this.#waits = true;
    return matching(this.#feed, this.#filter, this.#signal, (position) => {
      this.#waits = false;
      this.#position = Math.max(position, this.#position);
    });
  }
}
