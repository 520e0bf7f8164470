import { NexusError } from "../errors.ts";
import type { NexusEvent, StoredEvent } from "../events/event.ts";
import { recordedEvent } from "../events/recorded-event.ts";
import type { Feed } from "../log/feed.ts";
import { DEAD_LETTER_EVENTS } from "../log/kept-places.ts";
import type { Log } from "../log/log.ts";
import type { State } from "../log/state.ts";
import type { DeliveryError } from "./consumer-state.ts";

/** An event that a consumer could not deliver. */
export interface DeadLetter {
  readonly consumer: string;
  readonly eventId: string;
  readonly type: string;
  readonly sequence: number;
  /** Tries made. */
  readonly attempts: number;
  /** When it was given up: milliseconds since the epoch. */
  readonly diedAt: number;
  /** Of the last tries, 20 at most. */
  readonly errors: readonly DeliveryError[];
}

export interface DeadLetterQuery {
  readonly consumer?: string | undefined;
  /** The `next` of a page. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

export interface DeadLetterParts {
  readonly state: State;
  readonly log: Log;
  readonly feed: Feed;
}

const LETTERS = "dead-letters/";
/** Apart, so that a list of letters reads no events. */
const EVENTS = DEAD_LETTER_EVENTS;
const LONGEST = 240;

/** What could not be delivered, each with a copy of its event: the log may forget that. Kept until it is delivered after all, or dropped. */
export class DeadLetters {
  readonly #parts: DeadLetterParts;
  /** The ids of each consumer that was counted. */
  readonly #ids = new Map<string, Promise<Set<string>>>();

  constructor(parts: DeadLetterParts) {
    this.#parts = parts;
  }

  async keep(letter: DeadLetter, event: NexusEvent): Promise<void> {
    const { state } = this.#parts;
    const key = keyOf(letter.consumer, letter.eventId);
    const counted = this.#idsOf(letter.consumer);
    // Own properties only: getters of its class are no data.
    const copied = state.put(EVENTS + key, { ...event }).catch((error: unknown) => {
      // Larger than State takes, where an app's limits allow it: then it is read from the log, as long as it is there.
      if (!NexusError.is(error, "STATE_INVALID")) throw error;
    });
    await Promise.all([copied, state.put(LETTERS + key, letter)]);
    (await counted).add(letter.eventId);
  }

  /** A try to deliver it after all has failed. */
  async failedAgain(letter: DeadLetter): Promise<void> {
    await this.#parts.state.put(LETTERS + keyOf(letter.consumer, letter.eventId), letter);
  }

  /** @throws DEAD_LETTER_NOT_FOUND */
  async get(consumer: string, eventId: string): Promise<DeadLetter> {
    const found = await this.#parts.state.get(LETTERS + keyOf(consumer, eventId));
    if (found === undefined) throw new NexusError("DEAD_LETTER_NOT_FOUND", { consumer, eventId });
    return found.value as DeadLetter;
  }

  /** The event of a letter; `undefined` when there is no copy of it, and the log has forgotten it. */
  async eventOf({ consumer, eventId, sequence }: DeadLetter): Promise<NexusEvent | undefined> {
    const { state, log, feed } = this.#parts;
    const copy = await state.get(EVENTS + keyOf(consumer, eventId));
    if (copy !== undefined) {
      const { cursor, ...stored } = copy.value as NexusEvent;
      return recordedEvent(stored as StoredEvent, cursor);
    }
    const { events } = await log.read({ after: sequence - 1, limit: 1 });
    return events[0]?.id === eventId ? feed.event(events[0]) : undefined;
  }

  /** By consumer, and in each by event id; ids that Nexus makes are in the order of time. @returns `next` to pass as `after`, absent on the last page. */
  async list({ consumer, after, limit }: DeadLetterQuery): Promise<{ readonly letters: readonly DeadLetter[]; readonly next?: string }> {
    const prefix = LETTERS + (consumer === undefined ? "" : `${segmentOf(consumer)}/`);
    const { entries, next } = await this.#parts.state.list(prefix, {
      ...(after !== undefined && { after: LETTERS + after }),
      ...(limit !== undefined && { limit }),
    });
    return { letters: entries.map(({ value }) => value as DeadLetter), ...(next !== undefined && { next: next.slice(LETTERS.length) }) };
  }

  /** @throws DEAD_LETTER_NOT_FOUND */
  async drop(consumer: string, eventId: string): Promise<DeadLetter> {
    const letter = await this.get(consumer, eventId);
    const { state } = this.#parts;
    const key = keyOf(consumer, eventId);
    await Promise.all([state.delete(LETTERS + key), state.delete(EVENTS + key)]);
    (await this.#ids.get(consumer))?.delete(eventId);
    return letter;
  }

  /** @returns how many there were. */
  async dropAll(consumer: string): Promise<number> {
    const ids = [...(await this.#idsOf(consumer))];
    for (const eventId of ids) await this.drop(consumer, eventId).catch(ignoreMissing);
    return ids.length;
  }

  async count(consumer: string): Promise<number> {
    return (await this.#idsOf(consumer)).size;
  }

  #idsOf(consumer: string): Promise<Set<string>> {
    let ids = this.#ids.get(consumer);
    if (ids === undefined) {
      ids = this.#readIds(consumer);
      this.#ids.set(consumer, ids);
      ids.catch(() => this.#ids.delete(consumer));
    }
    return ids;
  }

  async #readIds(consumer: string): Promise<Set<string>> {
    const ids = new Set<string>();
    for (let after: string | undefined; ; ) {
      const { letters, next } = await this.list({ consumer, after, limit: 100 });
      for (const { eventId } of letters) ids.add(eventId);
      after = next;
      if (after === undefined) return ids;
    }
  }
}

function ignoreMissing(error: unknown): void {
  if (!NexusError.is(error, "DEAD_LETTER_NOT_FOUND")) throw error;
}

function keyOf(consumer: string, eventId: string): string {
  return `${segmentOf(consumer)}/${segmentOf(eventId)}`;
}

/** A text as a segment of a key; what can stand there stays as it is, so that keys sort as the ids do. */
function segmentOf(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9_-]/g, (char) => `=${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return plain.length <= LONGEST ? plain : `==${Buffer.from(text).toString("base64url")}`;
}
