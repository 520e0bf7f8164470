import { EVERYTHING } from "../events/filter.ts";
import { utf8Bytes } from "../events/json.ts";
import type { Feed } from "./feed.ts";
import { RETENTION_MARKS } from "./kept-places.ts";
import type { Log } from "./log.ts";
import type { State } from "./state.ts";

/** The log is measured in so many stretches: as exact as a hundredth of what is kept. */
const STRETCHES = 100;

/** A stretch of the log up to `sequence`, and the bytes of its events. */
interface Mark {
  readonly sequence: number;
  readonly bytes: number;
}

interface Saved {
  readonly epoch: string;
  readonly marks: readonly Mark[];
}

/** How many bytes of JSON the events of the log have, in stretches. Saved, so that opening does not read the log again. */
export class ByteMarks {
  readonly #parts: { readonly log: Log; readonly feed: Feed; readonly state: State };
  readonly #maxBytes: number;
  #marks: Mark[] = [];
  #openBytes = 0;
  #position: number | undefined;
  #saved = 0;

  constructor(parts: { readonly log: Log; readonly feed: Feed; readonly state: State }, maxBytes: number) {
    this.#parts = parts;
    this.#maxBytes = maxBytes;
  }

  /** The position up to which events are too many; 0 when none are. */
  async excess(): Promise<number> {
    await this.#count();
    let bytes = this.#marks.reduce((sum, mark) => sum + mark.bytes, this.#openBytes);
    let position = 0;
    for (const mark of this.#marks) {
      if (bytes <= this.#maxBytes) break;
      bytes -= mark.bytes;
      position = mark.sequence;
    }
    return position;
  }

  async save(): Promise<void> {
    const newest = this.#marks.at(-1)?.sequence ?? 0;
    if (newest === this.#saved) return;
    await this.#parts.state.put(RETENTION_MARKS, { epoch: this.#parts.feed.epoch, marks: this.#marks } satisfies Saved);
    this.#saved = newest;
  }

  async #count(): Promise<void> {
    const { log, feed } = this.#parts;
    const { floor } = await log.head();
    let position = this.#position ?? (await this.#restore());
    this.#marks = this.#marks.filter((mark) => mark.sequence > floor);
    if (position < floor) [position, this.#openBytes] = [floor, 0];
    for (;;) {
      const batch = await feed.read(position, EVERYTHING);
      if (batch === undefined) break;
      for (const { sequence, json } of batch.events) this.#add(sequence, utf8Bytes(json));
      position = batch.next;
    }
    this.#position = position;
  }

  #add(sequence: number, bytes: number): void {
    this.#openBytes += bytes;
    if (this.#openBytes < this.#maxBytes / STRETCHES) return;
    this.#marks.push({ sequence, bytes: this.#openBytes });
    this.#openBytes = 0;
  }

  /** @returns the position up to which the log was measured. */
  async #restore(): Promise<number> {
    const { log, feed, state } = this.#parts;
    const saved = (await state.get(RETENTION_MARKS))?.value as Saved | undefined;
    const { floor, sequence } = await log.head();
    const marks = saved?.epoch === feed.epoch ? saved.marks.filter((mark) => mark.sequence <= sequence) : [];
    this.#marks = [...marks];
    this.#saved = marks.at(-1)?.sequence ?? 0;
    return this.#saved || floor;
  }
}
