import { setImmediate } from "node:timers/promises";
import type { NexusEvent } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import type { FeedEvent } from "../log/batch.ts";
import type { Feed } from "../log/feed.ts";
import { Turn } from "../log/turn.ts";
import { answered } from "../observability/answered.ts";
import type { Clock } from "../observability/clock.ts";
import { Lanes } from "./lanes.ts";

export interface DeliveringParts {
  readonly feed: Feed;
  readonly clock: Clock;
  readonly filter: Filter;
  readonly concurrency: number;
  /** How many milliseconds the next try of an event is to wait, if there were tries before. */
  waitMs(event: NexusEvent): number | undefined;
  /**
   * One try. It ends when `abort` does.
   *
   * @returns how many milliseconds the next one is to wait; `undefined` when the event is through: delivered, or dead.
   */
  tryOnce(event: NexusEvent, abort: AbortController): Promise<number | undefined>;
  /** Its position has moved. @param skipped only past what does not match. */
  advanced(skipped: boolean): void;
  /** It cannot go on. */
  failed(error: unknown): void;
}

/**
 * One uninterrupted time of delivering: from a position on, until it is told to end. Its position is just before the oldest event that is not through, so it can be taken
 * up there again.
 */
export class Delivering {
  readonly #parts: DeliveringParts;
  readonly #lanes: Lanes;
  readonly #turn = new Turn();
  readonly #over = new AbortController();
  readonly #tries = new Set<AbortController>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #stopListening: () => void;
  /** Everything up to here was read. */
  #read: number;
  #reading = false;
  /** Events that have a place: that are tried, or wait for their next try. */
  #running = 0;
  #waiting = 0;
  #left = false;

  constructor(parts: DeliveringParts, position: number) {
    this.#parts = parts;
    this.#read = position;
    this.#lanes = new Lanes(parts.concurrency === 1);
    this.#stopListening = parts.feed.onAdvance(() => this.#readOn());
    this.#readOn();
  }

  /** Everything up to here is through, or does not match. */
  get position(): number {
    const { oldest } = this.#lanes;
    return oldest === undefined ? this.#read : oldest - 1;
  }

  /** Whether it was told to end. */
  get halted(): boolean {
    return this.#over.signal.aborted;
  }

  /** Tries under way. */
  get trying(): number {
    return this.#running - this.#waiting;
  }

  /** Whether it has nothing to do before the next try of something is due. */
  get waits(): boolean {
    if (this.#waiting === 0 || this.trying > 0 || this.#reading) return false;
    return (
      this.#running === this.#parts.concurrency || (!this.#lanes.hasNext && (!this.#lanes.hasRoom || this.#read >= this.#parts.feed.end))
    );
  }

  /** Resolves once it was told to end and nothing is under way. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Begins no further try; those under way go on, and count. */
  halt(): void {
    if (this.#over.signal.aborted) return;
    this.#stopListening();
    this.#over.abort();
    this.#endIfIdle();
  }

  /** The same, and those under way are told to end; what becomes of them is dropped. */
  leave(reason: Error): void {
    this.#left = true;
    this.halt();
    for (const abort of this.#tries) abort.abort(reason);
  }

  #readOn(): void {
    if (this.#reading || this.#over.signal.aborted || !this.#lanes.hasRoom || this.#read >= this.#parts.feed.end) return;
    this.#reading = true;
    this.#readBatches()
      .catch((error: unknown) => {
        if (!this.#over.signal.aborted) this.#parts.failed(error);
      })
      .finally(() => {
        this.#reading = false;
        this.#parts.advanced(true);
        // There may have been more after the last look.
        this.#readOn();
      });
  }

  async #readBatches(): Promise<void> {
    const { feed, filter, clock } = this.#parts;
    const { signal } = this.#over;
    while (this.#lanes.hasRoom) {
      if (this.#turn.isLong) await setImmediate();
      const batch = await answered(clock, signal, async () => await feed.read(this.#read, filter));
      if (batch === undefined || signal.aborted) return;
      for (const item of batch.events) this.#lanes.add(item);
      this.#read = batch.next;
      this.#begin();
    }
  }

  #begin(): void {
    while (!this.#over.signal.aborted && this.#running < this.#parts.concurrency) {
      const item = this.#lanes.next();
      if (item === undefined) return;
      this.#running += 1;
      this.#deliver(item)
        .catch((error: unknown) => {
          if (!this.#left) this.#parts.failed(error);
        })
        .finally(() => {
          this.#running -= 1;
          this.#begin();
          this.#readOn();
          this.#endIfIdle();
        });
    }
  }

  async #deliver(item: FeedEvent): Promise<void> {
    for (let waitMs = this.#parts.waitMs(item.event); ; ) {
      if (waitMs !== undefined) await this.#wait(waitMs);
      if (this.#over.signal.aborted) return;
      const abort = new AbortController();
      this.#tries.add(abort);
      try {
        waitMs = await this.#parts.tryOnce(item.event, abort);
      } finally {
        this.#tries.delete(abort);
      }
      if (this.#left) return;
      if (waitMs === undefined) break;
    }
    this.#lanes.finish(item);
    this.#parts.advanced(false);
  }

  async #wait(ms: number): Promise<void> {
    this.#waiting += 1;
    // Ended meanwhile: whoever asks next sees that.
    await this.#parts.clock.sleep(ms, this.#over.signal).catch(() => {});
    this.#waiting -= 1;
  }

  #endIfIdle(): void {
    if (this.#over.signal.aborted && this.#running === 0) this.#ended.resolve();
  }
}
