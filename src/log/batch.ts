import type { NexusEvent } from "../events/event.ts";

/** An event and its JSON, made once and shared by all readers. */
export interface FeedEvent {
  readonly event: NexusEvent;
  readonly json: string;
}

/** Turns events into what is written to a reader's connection. `key` is the same for encoders that write the same bytes. */
export interface Encoder {
  readonly key: string;
  encode(events: readonly FeedEvent[]): Uint8Array;
}

/** What a reader gets at once: the events that match, and the position it has then read up to. */
export class Batch {
  readonly events: readonly FeedEvent[];
  /** The position read up to, past what the filter skipped. */
  readonly next: number;
  readonly #frames = new Map<string, Uint8Array>();

  constructor(events: readonly FeedEvent[], next: number) {
    this.events = events;
    this.next = next;
  }

  /** The events as bytes: made once for all readers who share this batch. */
  frames(encoder: Encoder): Uint8Array {
    let frames = this.#frames.get(encoder.key);
    if (frames === undefined) {
      frames = encoder.encode(this.events);
      this.#frames.set(encoder.key, frames);
    }
    return frames;
  }
}
