import type { Filter } from "../events/filter.ts";
import { Batch, type FeedEvent } from "./batch.ts";

/** Events of one page, and their JSON's bytes: one write to a connection, so far below what may wait for one. */
const PAGE_EVENTS = 128;
const PAGE_BYTES = 64 * 1024;
const WINDOW_BYTES = 8 * 1024 * 1024;
const WINDOW_EVENTS = 16_384;

interface Page {
  /** The position just before its first event. */
  readonly from: number;
  readonly events: readonly FeedEvent[];
  readonly bytes: number;
  /** What each filter picked of it, by the filter's key: readers with the same filter share the answer. */
  readonly picked: Map<string, Batch>;
}

/** The newest events, in pages. Readers at its end get them from here; those behind read the store. */
export class Window {
  #pages: Page[] = [];
  #start: number;
  #end: number;
  #bytes = 0;
  #lastId: string | undefined;

  constructor(position: number) {
    this.#start = position;
    this.#end = position;
  }

  /** The position of its newest event. */
  get end(): number {
    return this.#end;
  }

  /** Id of the newest event, once there is one. */
  get lastId(): string | undefined {
    return this.#lastId;
  }

  /** Takes in the events that follow its end. */
  add(events: readonly FeedEvent[]): void {
    for (const events_ of pagesOf(events)) {
      const bytes = bytesOf(events_);
      this.#pages.push({ from: this.#end, events: events_, bytes, picked: new Map() });
      this.#bytes += bytes;
      this.#end += events_.length;
      this.#lastId = events_.at(-1)?.event.id;
    }
    while (this.#pages.length > 1 && (this.#bytes > WINDOW_BYTES || this.#end - this.#start > WINDOW_EVENTS)) {
      const oldest = this.#pages.shift() as Page;
      this.#bytes -= oldest.bytes;
      this.#start += oldest.events.length;
    }
  }

  /** Whether all that follows the position is here. */
  holds(position: number): boolean {
    return position >= this.#start && position <= this.#end;
  }

  /** The event with this sequence, if it is here. */
  at(sequence: number): FeedEvent | undefined {
    const page = this.#pageAfter(sequence - 1);
    return page?.events[sequence - 1 - page.from];
  }

  /** What follows the position, one page at a time; with no events and the same position when nothing does. */
  read(after: number, filter: Filter): Batch {
    const page = this.#pageAfter(after);
    if (page === undefined) return new Batch([], Math.max(after, this.#end));
    const end = page.from + page.events.length;
    if (page.from !== after) return new Batch(pick(page.events.slice(after - page.from), filter), end);
    let batch = page.picked.get(filter.key);
    if (batch === undefined) {
      batch = new Batch(pick(page.events, filter), end);
      page.picked.set(filter.key, batch);
    }
    return batch;
  }

  #pageAfter(position: number): Page | undefined {
    if (position < this.#start || position >= this.#end) return undefined;
    let low = 0;
    let high = this.#pages.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#pages[middle] as Page).from <= position) low = middle;
      else high = middle - 1;
    }
    return this.#pages[low];
  }
}

function pick(events: readonly FeedEvent[], filter: Filter): readonly FeedEvent[] {
  return events.filter(({ event }) => filter.matches(event));
}

/** Cuts events into pages, none larger than a page may be unless it is one event. */
export function* pagesOf(events: readonly FeedEvent[]): Generator<readonly FeedEvent[], void> {
  let start = 0;
  let bytes = 0;
  for (const [i, { json }] of events.entries()) {
    if (i > start && (i - start === PAGE_EVENTS || bytes + json.length > PAGE_BYTES)) {
      yield events.slice(start, i);
      start = i;
      bytes = 0;
    }
    bytes += json.length;
  }
  if (start < events.length) yield events.slice(start);
}

function bytesOf(events: readonly FeedEvent[]): number {
  return events.reduce((sum, { json }) => sum + json.length, 0);
}
