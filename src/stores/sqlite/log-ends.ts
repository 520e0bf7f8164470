import { NexusError } from "../../errors.ts";
import { streamOf } from "../../events/built-in.ts";
import { isRepeat } from "../../log/event-body.ts";
import type { Position } from "../../log/log.ts";
import type { Waiters } from "../../log/waiters.ts";
import type { Addition } from "./addition.ts";
import type { Participant } from "./commit-queue.ts";
import type { EventRows } from "./event-rows.ts";
import { type EventWriter, ROWS_AT_ONCE } from "./event-writer.ts";
import { forgetSome } from "./forgetting.ts";
import type { Indexing } from "./indexing.ts";
import type { Meta } from "./meta.ts";
import type { PostingIndex } from "./posting-index.ts";
import { type Values, valuesOf } from "./posting-keys.ts";
import type { StreamHead, StreamHeads } from "./stream-heads.ts";
import type { Transact } from "./transaction.ts";

/** An event as it waits to be recorded. */
export interface Entry {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  /** What the index finds it by. */
  readonly values: Values;
  readonly body: string;
}

/** An entry that is to be written together with others. */
interface Ahead {
  readonly entry: Entry;
  readonly expect: string | null | undefined;
  /** The last event of its stream before it, if one was added to that in this transaction. */
  readonly before: StreamHead | undefined;
  /** Once it is written; or why it is not. */
  position?: Position;
  refusal?: NexusError;
}

export interface LogEndsParts {
  readonly rows: EventRows;
  readonly writer: EventWriter;
  readonly index: PostingIndex;
  readonly indexing: Indexing;
  readonly heads: StreamHeads;
  readonly meta: Meta;
  readonly waiters: Waiters;
  readonly transact: Transact;
  readonly now: () => number;
}

/** What a transaction that is written apart cannot do: the file has to be asked first. */
const ASKS = new Error("An append has to ask the file.");

/** Adds events at the end of the log and forgets them at its start. It knows where both are; what a transaction adds it keeps apart until that is durable. */
export class LogEnds implements Participant {
  readonly #parts: LogEndsParts;
  #floor: number;
  #sequence: number;
  #timestamp: number;

  /** What the transaction under way adds. */
  #added: Entry[] = [];
  readonly #addedHeads = new Map<string, StreamHead>();
  /** Of these all that is known is that their streams have not moved on: whether their ids are new, the table says when they are written. */
  #ahead: Ahead[] = [];
  #addedTimestamp = 0;
  /** Nothing is written here: what is added is handed on as a whole. */
  #apart = false;
  /** The file may have more than what is known here. */
  #isUnsure = false;

  constructor(parts: LogEndsParts) {
    this.#parts = parts;
    const { rows, meta } = parts;
    this.#floor = meta.get("floor");
    this.#sequence = rows.last() ?? this.#floor;
    this.#timestamp = rows.timestampAt(this.#sequence) ?? meta.get("timestamp");
    this.#rebuildIndex();
  }

  get floor(): number {
    return this.#floor;
  }

  /** That of the newest durable event. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The same with what the transaction under way adds up to here. */
  newest(): number {
    if (!this.#apart) this.#writeAhead();
    return this.#sequence + this.#added.length + this.#ahead.length;
  }

  begin(): void {
    this.#apart = false;
    this.#added = [];
    this.#addedHeads.clear();
    this.#ahead = [];
    this.#parts.indexing.begin();
    this.#addedTimestamp = Math.max(Math.floor(this.#parts.now()), this.#timestamp);
  }

  /** As `begin`, for a transaction that another thread writes: `addition` is all of it, and `committed` follows once that is durable. */
  beginApart(): void {
    this.begin();
    this.#apart = true;
  }

  /**
   * Adds an event, within a transaction.
   *
   * @returns what tells its position once the transaction is written; it throws what `#recordNow` does.
   * @throws STREAM_CONFLICT · EVENT_ID_CONFLICT, having written nothing; ASKS in a transaction that is written apart: it has to be done here.
   */
  record(entry: Entry, expect: string | null | undefined): () => Position {
    const { stream } = entry;
    if (this.#isUnsure) this.#catchUp();
    if (expect !== undefined && expect !== (this.#lastOf(stream)?.id ?? null)) {
      if (this.#apart) throw ASKS;
      this.#writeAhead();
      const position = this.#recordNow(entry, expect);
      return () => position;
    }
    const ahead: Ahead = { entry, expect, before: this.#addedHeads.get(stream) };
    this.#ahead.push(ahead);
    this.#addedHeads.set(stream, { id: entry.id, sequence: this.#sequence + this.#added.length + this.#ahead.length });
    if (this.#ahead.length === ROWS_AT_ONCE && !this.#apart) this.#writeAhead();
    return () => {
      if (ahead.refusal !== undefined) throw ahead.refusal;
      return ahead.position as Position;
    };
  }

  /** Writes them all at once; where one of their ids is not new, or there are few, one by one. */
  #writeAhead(): void {
    const all = this.#ahead;
    if (all.length === 0) return;
    this.#ahead = [];
    const first = this.#sequence + this.#added.length + 1;
    if (all.length === ROWS_AT_ONCE && this.#insertAll(first, all)) {
      this.#addAll(first, all);
      return;
    }
    for (const { entry, before } of all.toReversed()) {
      if (before === undefined) this.#addedHeads.delete(entry.stream);
      else this.#addedHeads.set(entry.stream, before);
    }
    for (const ahead of all) {
      try {
        ahead.position = this.#recordNow(ahead.entry, ahead.expect);
      } catch (error) {
        if (!NexusError.is(error)) throw error;
        ahead.refusal = error;
      }
    }
  }

  /** @throws STREAM_CONFLICT · EVENT_ID_CONFLICT, having written nothing. */
  #recordNow(entry: Entry, expect: string | null | undefined): Position {
    const { id, stream, body } = entry;
    const last = expect === undefined ? undefined : (this.#lastOf(stream)?.id ?? null);
    // Only one whose expectation fails is looked up before it is written: whether the others are repeats, the table says when they are.
    if (expect !== last) return this.#repeatOf(entry) ?? refuse(stream, last ?? null);
    const sequence = this.#sequence + this.#added.length + 1;
    if (!this.#parts.writer.insert(sequence, this.#addedTimestamp, id, body)) return this.#repeatOf(entry) as Position;
    this.#added.push(entry);
    this.#addedHeads.set(stream, { id, sequence });
    return this.#positionOf(id, sequence);
  }

  #positionOf(id: string, sequence: number): Position {
    return { id, sequence, timestamp: this.#addedTimestamp, recorded: true };
  }

  #insertAll(first: number, ahead: readonly Ahead[]): boolean {
    const ids = ahead.map(({ entry }) => entry.id);
    const bodies = ahead.map(({ entry }) => entry.body);
    return this.#parts.writer.insertAll(first, this.#addedTimestamp, ids, bodies);
  }

  #addAll(first: number, all: readonly Ahead[]): void {
    for (const [n, ahead] of all.entries()) {
      this.#added.push(ahead.entry);
      ahead.position = this.#positionOf(ahead.entry.id, first + n);
    }
  }

  beforeCommit(): void {
    this.#writeAhead();
    this.#parts.indexing.write(this.#added.length, this.#floor);
  }

  /** All that a transaction which is written apart adds. */
  addition(): Addition {
    const first = this.#sequence + 1;
    this.#addAll(first, this.#ahead);
    this.#ahead = [];
    const index = this.#parts.indexing.order(this.#added.length, this.#floor);
    const [ids, bodies] = [this.#added.map(({ id }) => id), this.#added.map(({ body }) => body)];
    return { first, timestamp: this.#addedTimestamp, ids, bodies, index };
  }

  /** Whether the file has what `addition` was made for. @throws what it says when it cannot be asked: it is asked again before anything is added. */
  isThere({ first, ids }: Addition): boolean {
    this.#isUnsure = true;
    const isThere = this.#parts.rows.last() === first + ids.length - 1;
    this.#isUnsure = false;
    return isThere;
  }

  /** Takes in what the file has beyond what is known here: a thread wrote it, and did not live to say so. */
  #catchUp(): void {
    const { rows, index, heads, waiters } = this.#parts;
    for (const match of rows.range(this.#sequence + 1, rows.last() ?? this.#sequence)) {
      const event = match.event();
      const { id, sequence, timestamp } = event;
      index.add(sequence, event.type, valuesOf(event));
      rows.keep(sequence, timestamp, id, match.body);
      heads.set(streamOf(event), { id, sequence });
      this.#sequence = sequence;
      this.#timestamp = timestamp;
    }
    this.#isUnsure = false;
    this.#addedTimestamp = Math.max(this.#addedTimestamp, this.#timestamp);
    waiters.wake(this.#sequence);
  }

  /** As `committed`, for what another thread has written. @param indexed whether all that it was to index is, too. */
  committedApart(indexed: boolean): void {
    this.#parts.indexing.done(indexed);
    this.committed();
  }

  /** That thread is gone, or has refused: it may not have what it was given to index. */
  lost(): void {
    this.#parts.indexing.lost();
  }

  committed(): void {
    const { rows, index, indexing, heads, waiters } = this.#parts;
    indexing.committed();
    if (this.#added.length === 0) return;
    for (const { id, type, values, body } of this.#added) {
      index.add(++this.#sequence, type, values);
      rows.keep(this.#sequence, this.#addedTimestamp, id, body);
    }
    for (const [stream, head] of this.#addedHeads) heads.set(stream, head);
    this.#timestamp = this.#addedTimestamp;
    this.#added = [];
    waiters.wake(this.#sequence);
  }

  /** The last that is done: nothing is added any more. */
  finish(): void {
    const { indexing, transact } = this.#parts;
    transact(() => indexing.finish(this.#floor));
  }

  /** Forgets some of the events up to `position`, oldest first, in a transaction of its own. @returns whether more are to be forgotten. */
  forgetSome(position: number): boolean {
    const floor = forgetSome(this.#parts, Math.min(position, this.#sequence));
    if (floor === undefined) return false;
    this.#floor = floor;
    return floor < position && floor < this.#sequence;
  }

  #lastOf(stream: string): StreamHead | undefined {
    return this.#addedHeads.get(stream) ?? this.#parts.heads.last(stream, this.#floor + 1, this.#sequence);
  }

  #repeatOf({ id, body }: Entry): Position | undefined {
    const known = this.#parts.rows.byId(id);
    if (known === undefined) return undefined;
    if (!isRepeat(body, known.body)) throw new NexusError("EVENT_ID_CONFLICT", { id });
    return { id, sequence: known.sequence, timestamp: known.timestamp, recorded: false };
  }

  /** Takes the events that the file's index does not have yet into memory. */
  #rebuildIndex(): void {
    const { rows, index } = this.#parts;
    for (const match of rows.range(Math.max(index.indexed, this.#floor) + 1, this.#sequence)) {
      const event = match.event();
      index.add(event.sequence, event.type, valuesOf(event));
    }
  }
}

function refuse(stream: string, last: string | null): never {
  throw new NexusError("STREAM_CONFLICT", { stream, last });
}
