import type { FeedEvent } from "../log/batch.ts";

const MOST = 256;
const MOST_LENGTH = 1024 * 1024;
/** So far past the oldest that is not through: a crash repeats what was delivered behind that. */
const MOST_PAST = 1_000;

/**
 * Events that were read and are not through yet. Those of one lane go one after another: with one delivery at a time everything is one lane, else a run is one, else a
 * session; what belongs to neither has no order.
 */
export class Lanes {
  readonly #single: boolean;
  readonly #lanes = new Map<string, FeedEvent[]>();
  readonly #ready: FeedEvent[] = [];
  /** From the oldest that is not through, by sequence, in log order as a Map keeps it; whether it is through. */
  readonly #window = new Map<number, boolean>();
  #unfinished = 0;
  #length = 0;

  constructor(single: boolean) {
    this.#single = single;
  }

  /** Whether more may be read. What is here is bounded; the rest stays in the log. */
  get hasRoom(): boolean {
    return this.#unfinished < MOST && this.#length < MOST_LENGTH && this.#window.size < MOST_PAST;
  }

  /** The sequence of the oldest that is not through. */
  get oldest(): number | undefined {
    return this.#window.keys().next().value;
  }

  /** Takes in an event that follows those taken in before. */
  add(item: FeedEvent): void {
    this.#window.set(item.sequence, false);
    this.#unfinished += 1;
    this.#length += item.length;
    const key = this.#laneOf(item);
    const lane = this.#lanes.get(key);
    if (lane !== undefined) lane.push(item);
    else {
      this.#lanes.set(key, [item]);
      this.#ready.push(item);
    }
  }

  /** The next event that may be delivered now; it is given out once. */
  next(): FeedEvent | undefined {
    return this.#ready.shift();
  }

  /** Whether `next` would have one. */
  get hasNext(): boolean {
    return this.#ready.length > 0;
  }

  /** It is delivered, or dead: what is behind it in its lane may go. */
  finish(item: FeedEvent): void {
    this.#window.set(item.sequence, true);
    for (const [sequence, isThrough] of this.#window) {
      if (!isThrough) break;
      this.#window.delete(sequence);
    }
    this.#unfinished -= 1;
    this.#length -= item.length;
    const key = this.#laneOf(item);
    const lane = this.#lanes.get(key) ?? [];
    lane.shift();
    const [behind] = lane;
    if (behind === undefined) this.#lanes.delete(key);
    else this.#ready.push(behind);
  }

  #laneOf({ event }: FeedEvent): string {
    if (this.#single) return "";
    if (event.runId !== undefined) return `run ${event.runId}`;
    return event.sessionId === undefined ? `event ${event.sequence}` : `session ${event.sessionId}`;
  }
}
