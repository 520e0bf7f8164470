import type { Database, Statement } from "better-sqlite3";
import { encodeBlock } from "./block.ts";
import { type Column, group } from "./gathered.ts";
import { Meta } from "./meta.ts";
import { tagAt } from "./posting-keys.ts";
import { countBelow } from "./sequence-set.ts";

/** So many rows are inserted by one statement. */
const ROWS_AT_ONCE = 16;

/** What is to be brought into the file's index: the postings of some events. Plain, so that another thread can be given it. */
export interface Snapshot {
  readonly columns: readonly Column[];
  /** How many events there are in it. */
  readonly count: number;
  /** The last of them. */
  readonly upTo: number;
  /** What the file has behind this event is replaced: it was left by a run that did not come to its end. */
  readonly instead: number | undefined;
}

/** How much of it is to be written with a commit. */
export interface Share {
  /** The last event of the snapshot it is a part of. */
  readonly upTo: number;
  /** So many events are recorded with it: the more, the more. */
  readonly events: number;
  /** It is late: the next one is due. */
  readonly late: boolean;
  /** What is trimmed is not written. */
  readonly floor: number;
}

/** Writes a snapshot, in the order of the keys, a part with each commit: one block for each key. */
export class IndexRun {
  readonly #snapshot: Snapshot;
  readonly #writer: IndexWriter;
  readonly #least: number;
  readonly #keys: readonly Entry[];
  #done = 0;
  #end = 0;

  /** @param least so many keys at least are a part. */
  constructor(snapshot: Snapshot, writer: IndexWriter, least: number) {
    this.#snapshot = snapshot;
    this.#writer = writer;
    this.#least = least;
    this.#keys = snapshot.columns.flatMap((column, n) => entriesOf(tagAt(n), column));
  }

  /** The last event that it is of. */
  get upTo(): number {
    return this.#snapshot.upTo;
  }

  /** Writes the next part, in a transaction. Until that is `committed`, the same is due again. */
  write({ events, late, floor }: Share): void {
    const { count, upTo, instead } = this.#snapshot;
    // All of it before as many events have come again, which are the next; a little sooner, and much sooner if it is late.
    const share = Math.ceil(((late ? 4 : 1.2) * events * this.#keys.length) / count);
    this.#end = Math.min(this.#done + Math.max(this.#least, share), this.#keys.length);
    this.#writer.write(this.#keys.slice(this.#done, this.#end), floor, instead);
    if (this.isWhole) this.#writer.setIndexed(upTo);
  }

  /** What was written last is durable. */
  committed(): void {
    this.#done = this.#end;
  }

  /** Whether all of it is written. */
  get isWhole(): boolean {
    return this.#end === this.#keys.length;
  }
}

type Entry = readonly [key: string, sequences: readonly number[]];

function entriesOf(tag: string, column: Column): Entry[] {
  const lists = group(column, new Map());
  return [...lists.keys()].sort().map((value) => [tag + value, lists.get(value) as number[]]);
}

/** Writes to the file's index, within a transaction. */
export class IndexWriter {
  readonly #meta: Meta;
  readonly #insert: Statement<[string, number, Buffer]>;
  readonly #insertAll: Statement<[unknown[]]>;
  readonly #delete: Statement<[string, number]>;

  constructor(db: Database) {
    this.#meta = new Meta(db);
    this.#insert = db.prepare("INSERT INTO postings (key, last, block) VALUES (?, ?, ?)");
    const rows = Array.from({ length: ROWS_AT_ONCE }, () => "(?, ?, ?)").join(", ");
    this.#insertAll = db.prepare(`INSERT INTO postings (key, last, block) VALUES ${rows}`);
    this.#delete = db.prepare("DELETE FROM postings WHERE key = ? AND last > ?");
  }

  write(entries: readonly Entry[], floor: number, instead: number | undefined): void {
    let values: (string | number | Buffer)[] = [];
    for (const [key, sequences] of entries) {
      if (instead !== undefined) this.#delete.run(key, instead);
      const kept = sequences.slice(countBelow(sequences, floor + 1));
      const last = kept.at(-1);
      if (last === undefined) continue;
      values.push(key, last, encodeBlock(kept));
      if (values.length < 3 * ROWS_AT_ONCE) continue;
      this.#insertAll.run(values);
      values = [];
    }
    for (let n = 0; n < values.length; n += 3) this.#insert.run(values[n] as string, values[n + 1] as number, values[n + 2] as Buffer);
  }

  setIndexed(upTo: number): void {
    this.#meta.set("indexed", upTo);
  }
}
