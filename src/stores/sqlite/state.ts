import type { Database, Statement } from "better-sqlite3";
import { pageLimit } from "../../log/page.ts";
import type { State, StateEntry } from "../../log/state.ts";
import { checkKey, checkRevision, valueText } from "../../log/state-entry.ts";
import type { CommitQueue, Participant } from "./commit-queue.ts";
import { unreadable } from "./failures.ts";
import type { Meta } from "./meta.ts";

interface Row {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

/** Comes after every character of a key. */
const AFTER_KEYS = "~";

/** The table of the state, and the revision last given out in it. */
export class StateRows implements Participant {
  readonly #meta: Meta;
  readonly #get: Statement<[string], Row>;
  readonly #put: Statement<[string, string, number]>;
  readonly #delete: Statement<[string]>;
  readonly #list: Statement<[string, string, number], Row>;
  #durable: number;
  #revision: number;

  constructor(db: Database, meta: Meta) {
    this.#meta = meta;
    this.#get = db.prepare("SELECT key, value, revision FROM state WHERE key = ?");
    this.#put = db.prepare(
      "INSERT INTO state (key, value, revision) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision",
    );
    this.#delete = db.prepare("DELETE FROM state WHERE key = ?");
    this.#list = db.prepare("SELECT key, value, revision FROM state WHERE key >= ? AND key < ? ORDER BY key LIMIT ?");
    this.#durable = meta.get("revision");
    this.#revision = this.#durable;
  }

  get(key: string): Row | undefined {
    return this.#get.get(key);
  }

  /** @returns the value's revision. */
  put(key: string, text: string): number {
    this.#revision += 1;
    this.#put.run(key, text, this.#revision);
    return this.#revision;
  }

  delete(key: string): void {
    this.#delete.run(key);
  }

  list(prefix: string, after: string, limit: number): readonly Row[] {
    // One lower bound, the higher of the two: it is where the search starts.
    return this.#list.all(after < prefix ? prefix : `${after}\0`, prefix + AFTER_KEYS, limit);
  }

  begin(): void {
    this.#revision = this.#durable;
  }

  beforeCommit(): void {
    if (this.#revision !== this.#durable) this.#meta.set("revision", this.#revision);
  }

  committed(): void {
    this.#durable = this.#revision;
  }
}

/** Every method is async, so that what it throws is a rejection; its place among the calls is that of the call. */
export function sqliteState(rows: StateRows, queue: CommitQueue): State {
  return {
    get: async (key) => {
      checkKey(key);
      return await queue.afterWrites(() => {
        const row = rows.get(key);
        return row && { value: valueOf(row), revision: row.revision };
      });
    },
    put: async (key, value, options) => {
      checkKey(key);
      const text = valueText(key, value);
      return queue.write(text.length, () => {
        checkRevision(key, rows.get(key)?.revision ?? 0, options?.revision);
        const revision = rows.put(key, text);
        return () => revision;
      });
    },
    delete: async (key, options) => {
      checkKey(key);
      return queue.write(key.length, () => {
        checkRevision(key, rows.get(key)?.revision ?? 0, options?.revision);
        rows.delete(key);
        return () => {};
      });
    },
    list: async (prefix, options) => {
      const limit = pageLimit(options?.limit);
      return await queue.afterWrites(() => {
        const found = rows.list(prefix, options?.after ?? "", limit + 1);
        const entries = found.slice(0, limit).map(entryOf);
        const next = entries.at(-1)?.key;
        return { entries, ...(found.length > limit && next !== undefined && { next }) };
      });
    },
  };
}

function entryOf(row: Row): StateEntry {
  return { key: row.key, value: valueOf(row), revision: row.revision };
}

function valueOf({ key, value }: Row): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch (error) {
    throw unreadable(`the value of ${key}`, error);
  }
}
