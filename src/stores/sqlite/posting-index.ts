import type { Database, Statement } from "better-sqlite3";
import type { NewEvent } from "../../events/event.ts";
import { fieldOf, INDEXED_FIELDS, type IndexedField } from "../../events/filter.ts";
import { decodeBlock, encodeBlock } from "./block.ts";
import type { Meta } from "./meta.ts";
import { countBelow, type Pieces } from "./sequence-set.ts";

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

/**
 * Which events have which value in which field: for each key, ascending sequences.
 *
 * Those of the newest events are in memory. When they are many they are written, each key's as one block, with a commit of events that is under way: rarely, in
 * the order of the keys, and without a sync of their own. An index that SQLite kept up to date with every event would cost four times the events themselves.
 * The file says up to which event it is written; what came after is read again when the store opens, so a crash loses nothing.
 */
export class PostingIndex {
  readonly #meta: Meta;
  readonly #insert: Statement<[string, number, Buffer]>;
  readonly #delete: Statement<[string, number]>;
  readonly #from: Statement<[string, number], BlockRow>;
  readonly #to: Statement<[string, number], BlockRow>;
  readonly #newest = new Map<string, number[]>();
  readonly #types: Set<string>;
  #indexed: number;
  #count = 0;

  constructor(db: Database, meta: Meta) {
    this.#meta = meta;
    this.#insert = db.prepare("INSERT INTO postings (key, last, block) VALUES (?, ?, ?)");
    this.#delete = db.prepare("DELETE FROM postings WHERE key = ? AND last <= ?");
    this.#from = db.prepare("SELECT last, block FROM postings WHERE key = ? AND last >= ? ORDER BY last LIMIT 1");
    this.#to = db.prepare("SELECT last, block FROM postings WHERE key = ? AND last <= ? ORDER BY last DESC LIMIT 1");
    this.#indexed = meta.get("indexed");
    this.#types = typesIn(db);
  }

  /** The file has the postings of all events up to this one. */
  get indexed(): number {
    return this.#indexed;
  }

  /** How many events' postings are only in memory. */
  get count(): number {
    return this.#count;
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

  /** Writes what is in memory, up to the event `upTo`, without what is trimmed. To be called in a transaction; `written` follows once that is durable. */
  write(upTo: number, floor: number): void {
    for (const key of [...this.#newest.keys()].sort()) {
      const list = this.#newest.get(key) as number[];
      const kept = list.slice(countBelow(list, floor + 1));
      const last = kept.at(-1);
      if (last !== undefined) this.#insert.run(key, last, encodeBlock(kept));
    }
    this.#meta.set("indexed", upTo);
  }

  written(upTo: number): void {
    this.#newest.clear();
    this.#count = 0;
    this.#indexed = upTo;
  }

  /** Removes the blocks that hold nothing after `floor`, given the events that are trimmed with it. To be called in a transaction. */
  trim(events: readonly NewEvent[], floor: number): void {
    // The last sequence of such a block is one of these events or was trimmed before them, so its key is one of theirs.
    for (const key of new Set(events.flatMap(keysOf))) this.#delete.run(key, floor);
  }

  /** The sequences with `value` in `field`, trimmed ones perhaps among them. */
  pieces(field: PostingField, value: string): Pieces {
    const key = TAGS[field] + value;
    const newest = this.#newest.get(key);
    const block = (row: BlockRow | undefined): readonly number[] | undefined => row && decodeBlock(row.last, row.block);
    return {
      from: (sequence) => block(sequence > this.#indexed ? undefined : this.#from.get(key, sequence)) ?? newest,
      to: (sequence) => {
        if (newest !== undefined && (newest[0] as number) <= sequence) return newest;
        // The block that reaches beyond it, unless that begins beyond it, too.
        const beyond = block(sequence > this.#indexed ? undefined : this.#from.get(key, sequence));
        if (beyond !== undefined && (beyond[0] as number) <= sequence) return beyond;
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
