import type { Cursor, NexusEvent } from "../events/event.ts";

/** An event and its JSON, made once and shared by all readers. */
export class FeedEvent {
  readonly event: NexusEvent;
  /** About that of its JSON. */
  readonly length: number;
  #head: string;
  #body: string | undefined;

  /** @param body as `bodyOf` made it: most events are read by nobody who needs their JSON. What a reader does to the event changes nothing of it. */
  constructor(event: NexusEvent, body: string | undefined) {
    this.event = event;
    const { id, sequence, cursor, timestamp } = event;
    this.#head =
      body === undefined
        ? JSON.stringify(event)
        : `{"id":${JSON.stringify(id)},"sequence":${sequence},"cursor":"${cursor}","timestamp":${timestamp},`;
    this.#body = body;
    this.length = this.#head.length + (body?.length ?? 0);
  }

  get json(): string {
    if (this.#body !== undefined) {
      this.#head += this.#body.slice(1);
      this.#body = undefined;
    }
    return this.#head;
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
