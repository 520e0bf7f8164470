import type { Database, Statement } from "better-sqlite3";
import type { NewEvent } from "../../events/event.ts";
import { decodeBlock } from "./block.ts";
import { Gathered } from "./gathered.ts";
import type { Snapshot } from "./index-run.ts";
import type { Meta } from "./meta.ts";
import { keyOf, keysOf, type PostingField, TYPE_TAG, type Values } from "./posting-keys.ts";
import type { Pieces } from "./sequence-set.ts";

interface BlockRow {
  readonly last: number;
  readonly block: Buffer;
}

/**
 * Which events have which value in which field: for each key, ascending sequences.
 *
 * Those of the newest events are in memory. When they are many they are written, each key's as one block: in the order of the keys, a part of them with each
 * commit of events, and without a sync of their own. An index that SQLite kept up to date with every event would cost four times the events themselves.
 * The file says up to which event it is written; what came after is read again when the store opens, so a crash loses nothing.
 */
export class PostingIndex {
  readonly #delete: Statement<[string, number]>;
  readonly #from: Statement<[string, number], BlockRow>;
  readonly #to: Statement<[string, number], BlockRow>;
  readonly #types: Set<string>;
  #newest = new Gathered();
  /** What is being written: here, too, until all of it is. */
  #writing: { readonly gathered: Gathered; readonly upTo: number } | undefined;
  #indexed: number;
  /** The newest event that was taken in. */
  #last = 0;
  /** A run that did not come to its end may have left a part. */
  #left = true;

  constructor(db: Database, meta: Meta) {
    this.#delete = db.prepare("DELETE FROM postings WHERE key = ? AND last <= ?");
    this.#from = db.prepare("SELECT last, block FROM postings WHERE key = ? AND last >= ? ORDER BY last LIMIT 1");
    this.#to = db.prepare("SELECT last, block FROM postings WHERE key = ? AND last <= ? ORDER BY last DESC LIMIT 1");
    this.#indexed = meta.get("indexed");
    this.#types = typesIn(db);
  }

  /** The file has the postings of all events up to this one, and of some that came after. */
  get indexed(): number {
    return this.#indexed;
  }

  /** How many events came after those that are written, or being written. */
  get count(): number {
    return this.#newest.count;
  }

  get isWriting(): boolean {
    return this.#writing !== undefined;
  }

  /** The last event of what is being written. */
  get writingUpTo(): number {
    return this.#writing?.upTo ?? this.#indexed;
  }

  /** Every type that an event in the log has; and perhaps some that only trimmed ones had. */
  get types(): ReadonlySet<string> {
    return this.#types;
  }

  /** Takes in a committed event, which comes after all it has. */
  add(sequence: number, type: string, values: Values): void {
    this.#newest.add(sequence, values);
    this.#last = sequence;
    this.#types.add(type);
  }

  /** What is to be written, up to the newest event that was taken in; again the same, from its beginning, until it is `written`. */
  snapshot(): Snapshot {
    if (this.#writing !== undefined) this.#left = true;
    else {
      this.#writing = { gathered: this.#newest, upTo: this.#last };
      this.#newest = new Gathered();
    }
    const { gathered } = this.#writing;
    const instead = this.#left ? this.#indexed : undefined;
    return { columns: gathered.columns, count: gathered.count, upTo: this.#writing.upTo, instead };
  }

  /** All of the snapshot is in the file. */
  written(): void {
    this.#indexed = this.#writing?.upTo ?? this.#indexed;
    this.#writing = undefined;
    this.#left = false;
  }

  /** Removes the blocks that hold nothing after `floor`, given the events that are trimmed with it. To be called in a transaction. */
  trim(events: readonly NewEvent[], floor: number): void {
    // The last sequence of such a block is one of these events or was trimmed before them, so its key is one of theirs.
    for (const key of new Set(events.flatMap(keysOf))) this.#delete.run(key, floor);
  }

  /** The sequences with `value` in `field`, trimmed ones perhaps among them. */
  pieces(field: PostingField, value: string): Pieces {
    const key = keyOf(field, value);
    // From the newest back: a list in memory, one that is being written, blocks in the file.
    const lists = [this.#newest.find(field, value), this.#writing?.gathered.find(field, value)].filter((list) => list !== undefined);
    const block = (row: BlockRow | undefined): readonly number[] | undefined => row && decodeBlock(row.last, row.block);
    const beyond = (sequence: number): readonly number[] | undefined =>
      block(sequence > this.#indexed ? undefined : this.#from.get(key, sequence));
    return {
      from: (sequence) => beyond(sequence) ?? lists.findLast((list) => (list.at(-1) as number) >= sequence),
      to: (sequence) => {
        const list = lists.find(([first]) => (first as number) <= sequence);
        if (list !== undefined) return list;
        // The block that reaches beyond it, unless that begins beyond it, too.
        const reaching = beyond(sequence);
        if (reaching !== undefined && (reaching[0] as number) <= sequence) return reaching;
        return block(this.#to.get(key, sequence));
      },
    };
  }
}

/** One look for each type, past all of its blocks: there are few types and many blocks. */
function typesIn(db: Database): Set<string> {
  const types = new Set<string>();
  const next = db.prepare<[string, string], string>("SELECT min(key) FROM postings WHERE key > ? AND key < ?").pluck();
  const beyond = String.fromCharCode(TYPE_TAG.charCodeAt(0) + 1);
  for (let key = next.get(TYPE_TAG, beyond); typeof key === "string"; key = next.get(key, beyond)) types.add(key.slice(1));
  return types;
}
