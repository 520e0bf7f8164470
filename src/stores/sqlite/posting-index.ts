import type { Database, Statement } from "better-sqlite3";
import type { NewEvent } from "../../events/event.ts";
import { fieldOf, INDEXED_FIELDS, type IndexedField } from "../../events/filter.ts";
import { decodeBlock } from "./block.ts";
import type { IndexPart } from "./index-part.ts";
import type { Meta } from "./meta.ts";
import { countBelow, type Pieces } from "./sequence-set.ts";
import type { Tuning } from "./tuning.ts";

export type PostingField = IndexedField | "broadcast" | "public";

/** The first character of a key in `postings`; the value follows it. */
const TAGS: Readonly<Record<PostingField, string>> = {
  type: "t",
  channel: "c",
  workflow: "w",
  runId: "r",
  sessionId: "s",
  userId: "u",
  correlationId: "o",
  broadcast: "b",
  public: "p",
};

interface BlockRow {
  readonly last: number;
  readonly block: Buffer;
}

/** The postings of some events that are being written, a part with each commit. */
interface Writing {
  readonly lists: ReadonlyMap<string, number[]>;
  /** In the order in which they are written. */
  readonly keys: readonly string[];
  readonly events: number;
  readonly upTo: number;
  /** So many of the keys are written. */
  done: number;
}

/**
 * Which events have which value in which field: for each key, ascending sequences.
 *
 * Those of the newest events are in memory. When they are many they are written, each key's as one block: in the order of the keys, a part of them with each
 * commit of events, and without a sync of their own. An index that SQLite kept up to date with every event would cost four times the events themselves.
 * The file says up to which event it is written; what came after is read again when the store opens, so a crash loses nothing.
 */
export class PostingIndex {
  readonly #tuning: Tuning;
  readonly #delete: Statement<[string, number]>;
  readonly #from: Statement<[string, number], BlockRow>;
  readonly #to: Statement<[string, number], BlockRow>;
  readonly #types: Set<string>;
  #newest = new Map<string, number[]>();
  #writing: Writing | undefined;
  #indexed: number;
  #count = 0;
  /** A process that was killed may have left a part of what it was writing. */
  #mayBeThere = true;

  constructor(db: Database, meta: Meta, tuning: Tuning) {
    this.#tuning = tuning;
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

  /** Every type that an event in the log has; and perhaps some that only trimmed ones had. */
  get types(): ReadonlySet<string> {
    return this.#types;
  }

  /** Takes in a committed event, which comes after all it has. */
  add(sequence: number, type: string, keys: readonly string[]): void {
    for (const key of keys) {
      const list = this.#newest.get(key);
      if (list === undefined) this.#newest.set(key, [sequence]);
      else list.push(sequence);
    }
    this.#types.add(type);
    this.#count += 1;
  }

  /**
   * What of it is to be written with the next commit, if anything is. `partWritten` follows once that is durable; if it fails, the same part is due again.
   *
   * @param upTo the newest event that was taken in. @param floor what is trimmed is not written. @param events so many are written with it.
   */
  part(upTo: number, floor: number, events: number): IndexPart | undefined {
    if (this.#writing === undefined) {
      if (this.#count < this.#tuning.indexEvery) return undefined;
      this.#writing = { lists: this.#newest, keys: [...this.#newest.keys()].sort(), events: this.#count, upTo, done: 0 };
      this.#newest = new Map();
      this.#count = 0;
    }
    const writing = this.#writing;
    // All of it is written before half as many events have come again: parts are small, and never fall behind.
    const quota = Math.max(this.#tuning.indexKeys, Math.ceil((2 * writing.keys.length * events) / writing.events));
    const keys: string[] = [];
    const counts: number[] = [];
    const sequences: number[] = [];
    const end = Math.min(writing.done + quota, writing.keys.length);
    for (const key of writing.keys.slice(writing.done, end)) {
      const list = writing.lists.get(key) as number[];
      const trimmed = countBelow(list, floor + 1);
      if (trimmed === list.length) continue;
      keys.push(key);
      counts.push(list.length - trimmed);
      for (let n = trimmed; n < list.length; n++) sequences.push(list[n] as number);
    }
    return {
      keys,
      counts,
      sequences: Float64Array.from(sequences),
      instead: this.#mayBeThere ? this.#indexed : undefined,
      upTo: end === writing.keys.length ? writing.upTo : undefined,
      end,
    };
  }

  partWritten({ upTo, end }: IndexPart): void {
    const writing = this.#writing as Writing;
    writing.done = end;
    if (upTo === undefined) return;
    this.#indexed = upTo;
    this.#writing = undefined;
    this.#mayBeThere = false;
  }

  /** Removes the blocks that hold nothing after `floor`, given the events that are trimmed with it. To be called in a transaction. */
  trim(events: readonly NewEvent[], floor: number): void {
    // The last sequence of such a block is one of these events or was trimmed before them, so its key is one of theirs.
    for (const key of new Set(events.flatMap(keysOf))) this.#delete.run(key, floor);
  }

  /** The sequences with `value` in `field`, trimmed ones perhaps among them. */
  pieces(field: PostingField, value: string): Pieces {
    const key = TAGS[field] + value;
    // From the newest back: a list in memory, one that is being written, blocks in the file.
    const lists = [this.#newest.get(key), this.#writing?.lists.get(key)].filter((list) => list !== undefined);
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

/**
 * The keys an event is found by.
 *
 * One whose correlation starts with itself, which is every one emitted without a context, is found by its id: no key, and no row in the file, for each of them.
 */
export function keysOf(event: NewEvent): string[] {
  const keys: string[] = [];
  for (const field of INDEXED_FIELDS) {
    const value = fieldOf(event, field);
    if (value !== undefined && !(field === "correlationId" && value === event.id)) keys.push(TAGS[field] + value);
  }
  if (event.broadcast === true) keys.push(TAGS.broadcast);
  if (event.visibility === "public") keys.push(TAGS.public);
  return keys;
}

/** A key for people: `type row.rejected`. */
export function spokenKey(key: string): string {
  const field = Object.entries(TAGS).find(([, tag]) => tag === key[0])?.[0];
  return field === undefined ? JSON.stringify(key) : `${field} ${key.slice(1)}`.trimEnd();
}

/** One look for each type, past all of its blocks: there are few types and many blocks. */
function typesIn(db: Database): Set<string> {
  const types = new Set<string>();
  const next = db.prepare<[string, string], string>("SELECT min(key) FROM postings WHERE key > ? AND key < ?").pluck();
  const beyond = String.fromCharCode(TAGS.type.charCodeAt(0) + 1);
  for (let key = next.get(TAGS.type, beyond); typeof key === "string"; key = next.get(key, beyond)) types.add(key.slice(1));
  return types;
}
