import type { NexusEvent } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import { typeMatches } from "../events/filter.ts";
import { utf8Bytes } from "../events/json.ts";
import type { FeedEvent } from "../log/batch.ts";
import type { Feed } from "../log/feed.ts";
import { Tail } from "../log/tail.ts";
import { type Clock, NEEDLESS } from "../observability/clock.ts";
import type { Sparing } from "./operation.ts";

export interface Wanted {
  readonly filter: Filter;
  /** The position to look from. */
  readonly after: number;
  readonly limit: number;
  readonly waitMs: number;
  /** Goes on past the first match until an event of such a type: names, or `prefix.*`. */
  readonly stopOn?: readonly string[] | undefined;
}

export interface Gathered {
  readonly events: readonly NexusEvent[];
  /** The position read up to. */
  readonly next: number;
  /** The time was over before what was waited for came. */
  readonly timedOut: boolean;
}

/** Waits for events after a position, and gathers what one answer takes. Ends early when `gone` aborts. @throws CURSOR_EXPIRED */
export async function gather(feed: Feed, clock: Clock, wanted: Wanted, sparing: Sparing | undefined, gone: AbortSignal): Promise<Gathered> {
  const { filter, after, limit, stopOn } = wanted;
  const { bytes = Number.POSITIVE_INFINITY, gatherMs = 0 } = sparing ?? {};
  const answer = new Answer(limit, bytes, stopOn);
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, gone]);
  const endAfter = (ms: number): void => {
    clock.sleep(ms, signal).then(
      () => over.abort(NEEDLESS),
      () => {}, // Answered, or the caller is gone.
    );
  };
  endAfter(wanted.waitMs);
  const tail = new Tail(feed, after, signal, filter);
  let untaken: number | undefined;
  let gathering = false;
  try {
    for await (const batch of tail) {
      untaken = answer.take(batch.events);
      if (answer.isDone || (answer.hasEvents && stopOn === undefined && gatherMs === 0)) break;
      if (!answer.hasEvents || stopOn !== undefined || gathering) continue;
      gathering = true;
      endAfter(gatherMs);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    over.abort(NEEDLESS);
  }
  return { events: answer.events, next: untaken ?? tail.position, timedOut: !answer.isDone && (stopOn !== undefined || !answer.hasEvents) };
}

class Answer {
  readonly events: NexusEvent[] = [];
  readonly #limit: number;
  readonly #bytes: number;
  readonly #stopOn: readonly string[];
  #size = 0;
  #done = false;

  constructor(limit: number, bytes: number, stopOn: readonly string[] = []) {
    this.#limit = limit;
    this.#bytes = bytes;
    this.#stopOn = stopOn;
  }

  get hasEvents(): boolean {
    return this.events.length > 0;
  }

  /** It is full, or has what was waited for. */
  get isDone(): boolean {
    return this.#done;
  }

  /** @returns the position after the last one taken when some were left; else `undefined`. */
  take(events: readonly FeedEvent[]): number | undefined {
    for (const [index, { event, json }] of events.entries()) {
      const size = this.#bytes === Number.POSITIVE_INFINITY ? 0 : utf8Bytes(json);
      if (this.hasEvents && this.#size + size > this.#bytes) {
        this.#done = true;
        return (this.events.at(-1) as NexusEvent).sequence;
      }
      this.events.push(event);
      this.#size += size;
      this.#done = this.events.length >= this.#limit || this.#stopOn.some((pattern) => typeMatches(pattern, event.type));
      if (this.#done) return index < events.length - 1 ? event.sequence : undefined;
    }
    return undefined;
  }
}
