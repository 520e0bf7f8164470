import type { Cursor, NexusEvent } from "../events/event.ts";
import { EVERYTHING, type Filter } from "../events/filter.ts";
import { parsedEvent } from "../events/recorded-event.ts";
import { cursorOf } from "./cursor.ts";
import type { LogRow } from "./log.ts";

/** About the JSON of an event's place: its id, sequence, cursor and timestamp. */
const PLACE_LENGTH = 150;

/** An event as it is kept; what is made of that, when a reader needs it, is shared by all of them. */
export class FeedEvent {
  readonly sequence: number;
  readonly #epoch: string;
  readonly #id: string;
  readonly #timestamp: number;
  readonly #body: string;
  #json: string | undefined;
  #event: NexusEvent | undefined;

  constructor(epoch: string, { id, sequence, timestamp, body }: LogRow) {
    this.sequence = sequence;
    this.#epoch = epoch;
    this.#id = id;
    this.#timestamp = timestamp;
    this.#body = body;
  }

  /** About that of its JSON. */
  get length(): number {
    return this.#body.length + PLACE_LENGTH;
  }

  get cursor(): Cursor {
    return cursorOf(this.#epoch, this.sequence, this.#id);
  }

  /** What a reader does to the event changes nothing of it. */
  get json(): string {
    return (this.#json ??= this.#text());
  }

  get event(): NexusEvent {
    return (this.#event ??= parsedEvent(this.#json ?? this.#text()));
  }

  /** Whether a filter takes it; without making the event for one that takes everything. */
  matches(filter: Filter): boolean {
    return filter.key === EVERYTHING.key || filter.matches(this.event);
  }

  /** Few readers come so late that they need again what was made of it. */
  slim(): void {
    this.#json = undefined;
    this.#event = undefined;
  }

  #text(): string {
    return `{"id":${JSON.stringify(this.#id)},"sequence":${this.sequence},"cursor":"${this.cursor}","timestamp":${this.#timestamp},${this.#body.slice(1)}`;
  }
}

/** Turns events into what is written to a reader's connection. `key` is the same for encoders that write the same bytes. */
export interface Encoder {
  readonly key: string;
  encode(events: readonly FeedEvent[]): Uint8Array;
}

/** So many kinds of frames are kept for other readers; clients number what they use from 1, so nearly all use the same few. */
const KEPT = 4;

/** What a reader gets at once: the events that match, and the position it has then read up to. */
export class Batch {
  readonly events: readonly FeedEvent[];
  /** The position read up to, past what the filter skipped. */
  readonly next: number;
  /** The cursor of that position. */
  readonly cursor: Cursor;
  #frames: Map<string, Uint8Array> | undefined;

  constructor(events: readonly FeedEvent[], next: number, cursor: Cursor) {
    this.events = events;
    this.next = next;
    this.cursor = cursor;
  }

  /** The events as bytes: made once for all readers who share this batch. */
  frames(encoder: Encoder): Uint8Array {
    const made = this.#frames?.get(encoder.key);
    if (made !== undefined) return made;
    const frames = encoder.encode(this.events);
    this.#frames ??= new Map();
    if (this.#frames.size < KEPT) this.#frames.set(encoder.key, frames);
    return frames;
  }
}
