import type { Database, Statement } from "better-sqlite3";
import { encodeBlock } from "./block.ts";
import { Meta } from "./meta.ts";

/** A part of the index that is written with a commit: for some keys, which events they lead to. Plain, so that another thread can be given it. */
export interface IndexPart {
  readonly keys: readonly string[];
  /** How many of the sequences belong to each key. */
  readonly counts: readonly number[];
  /** Those of the first key, ascending; then those of the next. */
  readonly sequences: Float64Array;
  /** What is there of these keys behind this event is replaced: it was left by a process that ended in the middle. */
  readonly instead: number | undefined;
  /** With this part the file has all postings up to this event. */
  readonly upTo: number | undefined;
  /** How many keys are done with it, of those that are being written. */
  readonly end: number;
}

/** Writes parts of the index, each within a transaction. */
export class IndexWriter {
  readonly #meta: Meta;
  readonly #insert: Statement<[string, number, Buffer]>;
  readonly #delete: Statement<[string, number]>;

  constructor(db: Database) {
    this.#meta = new Meta(db);
    this.#insert = db.prepare("INSERT INTO postings (key, last, block) VALUES (?, ?, ?)");
    this.#delete = db.prepare("DELETE FROM postings WHERE key = ? AND last > ?");
  }

  write({ keys, counts, sequences, instead, upTo }: IndexPart): void {
    let begin = 0;
    for (const [n, key] of keys.entries()) {
      const end = begin + (counts[n] as number);
      if (instead !== undefined) this.#delete.run(key, instead);
      this.#insert.run(key, sequences[end - 1] as number, encodeBlock(sequences.subarray(begin, end)));
      begin = end;
    }
    if (upTo !== undefined) this.#meta.set("indexed", upTo);
  }
}
