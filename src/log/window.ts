import type { Filter, Sight } from "../events/filter.ts";
import { Batch, type FeedEvent } from "./batch.ts";
import { withoutCheck } from "./cursor.ts";

/** Events of one batch, and their JSON's length: one write to a connection, so far below what may wait for one. */
const BATCH_EVENTS = 256;
const BATCH_LENGTH = 96 * 1024;
const WINDOW_EVENTS = 16_384;
const WINDOW_LENGTH = 8 * 1024 * 1024;
/** So many of the newest have what was made of them at hand: most readers are no further behind, and what is dropped soon costs least. */
const FULL = 1024;
/** So many batches are kept for other readers: those of the newest events, mostly. */
const KEPT = 128;

/** The newest events. Readers near the end of the log get them from here, and those at the same place with the same filter get the same batch. */
export class Window {
  /** What is before `#first` was dropped, and is cut off now and then. */
  #events: (FeedEvent | undefined)[] = [];
  #first = 0;
  /** The position just before the event at `#first`. */
  #start: number;
  #length = 0;
  /** The first that has not been slimmed. */
  #full = 0;
  readonly #batches = new Map<string, Batch>();

  constructor(position: number) {
    this.#start = position;
  }

  /** The position of its newest event. */
  get end(): number {
    return this.#start + this.#events.length - this.#first;
  }

  /** Takes in the events that follow its end. */
  add(events: readonly FeedEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#length += event.length;
    }
    while (this.#events.length - this.#first > 1 && (this.#length > WINDOW_LENGTH || this.#events.length - this.#first > WINDOW_EVENTS)) {
      this.#length -= (this.#events[this.#first] as FeedEvent).length;
      // Now, and not when the array is cut: thousands of large events would stay until then.
      this.#events[this.#first] = undefined;
      this.#first += 1;
      this.#start += 1;
    }
    for (; this.#full < this.#events.length - FULL; this.#full++) this.#events[this.#full]?.slim();
    // What was made of them goes with them: that of the oldest is the first, mostly.
    for (const [key, batch] of this.#batches) {
      if (batch.next > this.#start) break;
      this.#batches.delete(key);
    }
    if (this.#first < WINDOW_EVENTS / 4) return;
    this.#events = this.#events.slice(this.#first);
    this.#full = Math.max(0, this.#full - this.#first);
    this.#first = 0;
  }

  /** Nothing up to the position will come any more: the log was trimmed. */
  skip(position: number): void {
    this.#events = [];
    this.#first = 0;
    this.#full = 0;
    this.#length = 0;
    this.#start = position;
    this.#batches.clear();
  }

  /** Whether something follows the position, and all of that is here. */
  follows(position: number): boolean {
    return position >= this.#start && position < this.end;
  }

  /** The event with this sequence, if it is here. */
  at(sequence: number): FeedEvent | undefined {
    return sequence > this.#start ? this.#events[this.#first + sequence - this.#start - 1] : undefined;
  }

  /** What follows the position, one batch of it. To be asked only where something does. */
  read(after: number, filter: Filter): Batch {
    const all = batchOf(this.#events, this.#first + after - this.#start);
    const next = after + all.length;
    const last = all.at(-1) as FeedEvent;
    const { seen } = filter;
    const matching = seen?.of ?? filter;
    const key = `${after}-${next} ${matching.key}`;
    const batch = this.#kept(
      key,
      () =>
        new Batch(
          all.filter((item) => item.matches(matching)),
          next,
          last.cursor,
        ),
    );
    return seen === undefined ? batch : this.#seenBy(seen.by, batch, key, last);
  }

  /** What one user sees of a batch: that itself, if it is all; what is shared with everyone who sees the public events of it; or what has something of the user's own. */
  #seenBy(sight: Sight, whole: Batch, key: string, last: FeedEvent): Batch {
    const events = whole.events.filter(({ event }) => sight.sees(event));
    const seesLast = sight.sees(last.event);
    if (seesLast && events.length === whole.events.length) return whole;
    const isPublic = ({ event }: FeedEvent): boolean => event.visibility === "public";
    const who = events.every(isPublic) && (!seesLast || isPublic(last)) ? "public" : `user ${sight.userId}`;
    const { cursor } = last;
    return this.#kept(`${key} ${who}`, () => new Batch(events, whole.next, seesLast ? cursor : withoutCheck(cursor)));
  }

  #kept(key: string, make: () => Batch): Batch {
    const known = this.#batches.get(key);
    if (known !== undefined) return known;
    const batch = make();
    this.#batches.set(key, batch);
    // A Map keeps the order of insertion: the oldest goes.
    if (this.#batches.size > KEPT) this.#batches.delete(this.#batches.keys().next().value as string);
    return batch;
  }
}

/** As many events, from an index on, as a batch may have: none too large unless it is one event. */
export function batchOf(events: readonly (FeedEvent | undefined)[], from: number): readonly FeedEvent[] {
  let length = 0;
  let end = from;
  for (const most = Math.min(events.length, from + BATCH_EVENTS); end < most; end++) {
    length += (events[end] as FeedEvent).length;
    if (length > BATCH_LENGTH && end > from) break;
  }
  return events.slice(from, end) as FeedEvent[];
}
