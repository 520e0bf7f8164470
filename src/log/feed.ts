import { NexusError } from "../errors.ts";
import type { Cursor, NexusEvent, StoredEvent } from "../events/event.ts";
import type { Filter, Sight } from "../events/filter.ts";
import { recordedEvent } from "../events/recorded-event.ts";
import { Batch, FeedEvent } from "./batch.ts";
import { cursorOf, withoutCheck } from "./cursor.ts";
import { bodyOf } from "./event-body.ts";
import type { Head, Log, LogPage } from "./log.ts";
import { Waiters } from "./waiters.ts";
import { type Wake, Watchers } from "./watchers.ts";
import { batchOf, Window } from "./window.ts";

const READ_AT_ONCE = 500;
const READ_BEHIND = 200;

/**
 * The log as its readers get it: one loop follows the log and keeps its newest pages in memory, with everything that readers can share.
 * A reader is a position and a filter; it costs nothing here.
 */
export class Feed {
  readonly epoch: string;
  readonly #log: Log;
  readonly #window: Window;
  readonly #waiters = new Waiters();
  readonly #watchers = new Watchers();
  readonly #listeners = new Set<() => void>();
  /** How many events a reader that is behind is read at once, by its filter: no more than it may take. */
  readonly #behind = new WeakMap<Filter, number>();
  readonly #stopped = new AbortController();
  readonly #onError: (error: unknown) => Promise<void>;
  readonly #following: Promise<void>;

  /** @param onError hears that following the log failed; it is tried again. */
  constructor(log: Log, head: Head, onError: (error: unknown) => Promise<void>) {
    this.#log = log;
    this.#onError = onError;
    this.epoch = head.epoch;
    this.#window = new Window(head.sequence);
    this.#following = this.#follow();
  }

  /** The position that readers can get to. */
  get end(): number {
    return this.#window.end;
  }

  /**
   * What follows the position and matches: a batch of it, at once when it is in memory.
   *
   * @returns `undefined` when nothing follows.
   * @throws CURSOR_EXPIRED (as a rejection) when the floor has overtaken the position.
   */
  read(after: number, filter: Filter): Batch | undefined | Promise<Batch> {
    if (after >= this.end) return undefined;
    return this.#window.follows(after) ? this.#window.read(after, filter) : this.#readStore(after, filter);
  }

  /** Resolves once there is something after the position. Rejects with the signal's reason. */
  past(position: number, signal: AbortSignal): Promise<void> {
    return position < this.end ? Promise.resolve() : this.#waiters.wait(position, signal);
  }

  /** Resolves when readers can get to everything that is recorded now. Rejects with the signal's reason. */
  async caughtUp(signal: AbortSignal): Promise<void> {
    const { sequence } = await this.#log.head();
    while (this.end < sequence) await this.past(this.end, signal);
  }

  /**
   * For a reader that has read everything: it hears when something matches, however much comes that does not.
   *
   * @param wake is called in the turn in which the feed advances, with the position before what matches. @returns a function that ends it.
   */
  watch(filter: Filter, wake: Wake): () => void {
    return this.#watchers.add(filter, wake);
  }

  /** Calls `listener` each time there is more to read. @returns a function that ends it. */
  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The cursor of a position, with its check where the event before it is still there, and is one that `sight` sees. */
  async cursorAt(position: number, sight?: Sight): Promise<Cursor> {
    if (position === 0) return cursorOf(this.epoch, 0);
    const near = this.#window.at(position);
    if (near !== undefined) return sight?.sees(near.event) === false ? withoutCheck(near.cursor) : near.cursor;
    const event = await this.#eventAt(position);
    return cursorOf(this.epoch, position, event !== undefined && sight?.sees(event) !== false ? event.id : undefined);
  }

  /** The cursor of the end; with its check where the last event is one that `sight` sees. */
  endCursor(sight?: Sight): Cursor {
    const last = this.#window.at(this.end);
    if (last === undefined) return cursorOf(this.epoch, this.end);
    return sight?.sees(last.event) === false ? withoutCheck(last.cursor) : last.cursor;
  }

  /** The event as readers get it. */
  event(stored: StoredEvent): NexusEvent {
    return recordedEvent(stored, cursorOf(this.epoch, stored.sequence, stored.id));
  }

  async close(reason: Error): Promise<void> {
    this.#stopped.abort(reason);
    await this.#following;
    this.#waiters.fail(reason);
    this.#listeners.clear();
  }

  #shared(page: LogPage): FeedEvent[] {
    // Its events are only made where it has no rows.
    const kept = page.rows ?? page.events.map((event) => ({ ...event, body: bodyOf(event) }));
    return kept.map((row) => new FeedEvent(this.epoch, row));
  }

  async #eventAt(sequence: number): Promise<StoredEvent | undefined> {
    const { events } = await this.#log.read({ after: sequence - 1, limit: 1 });
    return events[0]?.sequence === sequence ? events[0] : undefined;
  }

  async #readStore(after: number, filter: Filter): Promise<Batch> {
    const limit = this.#behind.get(filter) ?? READ_BEHIND;
    const page = await this.#log.read({ after, filter, limit, durable: true });
    const { floor } = page;
    if (after < floor)
      throw new NexusError("CURSOR_EXPIRED", { cursor: cursorOf(this.epoch, after), earliest: cursorOf(this.epoch, floor) });
    const events = this.#shared(page);
    const batch = batchOf(events, 0);
    // Large events fill a batch soon: what is read beyond that would be read again.
    this.#behind.set(filter, Math.min(READ_BEHIND, 2 * (batch.length < events.length ? batch.length : limit)));
    const last = batch.at(-1);
    const next = batch.length < events.length ? (last as FeedEvent).sequence : page.next;
    return new Batch(batch, next, last?.sequence === next ? last.cursor : await this.cursorAt(next, filter.seen?.by));
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopped;
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    while (!signal.aborted) {
      try {
        const page = await this.#log.read({ after: this.end, limit: READ_AT_ONCE, durable: true });
        const events = this.#shared(page);
        const before = (events[0]?.sequence ?? page.next + 1) - 1;
        if (before > this.end) this.#window.skip(before);
        if (events.length > 0) this.#advance(events);
        if (page.upToDate) await this.#log.waitPast(this.end, signal);
      } catch (error) {
        // Nobody who closes it waits for the next try.
        if (!signal.aborted) await Promise.race([this.#onError(error), aborted]);
      }
    }
  }

  #advance(events: readonly FeedEvent[]): void {
    this.#window.add(events);
    // First: until then, whoever waits for one of these would take the end for its place.
    this.#watchers.advance(events, (error) => void this.#onError(error));
    this.#waiters.wake(this.end);
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        // One reader's mistake is not to keep the others from what there is.
        void this.#onError(error);
      }
    }
  }
}
