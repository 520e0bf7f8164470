import type { Database } from "better-sqlite3";
import { EventWriter, ROWS_AT_ONCE } from "./event-writer.ts";
import { IndexRun, IndexWriter } from "./index-run.ts";
import type { IndexOrder } from "./indexing.ts";
import { type Transact, transactions } from "./transaction.ts";

/** What one commit adds to the log. Plain, so that another thread can be given it. */
export interface Addition {
  /** The sequence of the first event. */
  readonly first: number;
  readonly timestamp: number;
  readonly ids: readonly string[];
  readonly bodies: readonly string[];
  readonly index: IndexOrder | undefined;
}

/** Writes additions, each in a transaction of its own. */
export class Additions {
  readonly #transact: Transact;
  readonly #events: EventWriter;
  readonly #index: IndexWriter;
  readonly #indexKeys: number;
  #run: IndexRun | undefined;

  /** @param indexKeys so many keys of the index at least are written at once. */
  constructor(db: Database, indexKeys: number) {
    this.#transact = transactions(db);
    this.#events = new EventWriter(db);
    this.#index = new IndexWriter(db);
    this.#indexKeys = indexKeys;
  }

  /**
   * @returns whether with it all of the index is written that it was told to.
   * @throws when nothing of it is written, also where one of the ids is not new.
   */
  write(addition: Addition): boolean {
    const { begin, share } = addition.index ?? {};
    if (begin !== undefined) this.#run = new IndexRun(begin, this.#index, this.#indexKeys);
    // What it has begun earlier may have been ended by the other thread meanwhile: to go on with that would take the index back.
    if (share !== undefined && this.#run?.upTo !== share.upTo) throw new Error("What is to be indexed was not begun here.");
    this.#transact(() => {
      if (!this.#insert(addition)) throw new Error("An id is not new.");
      if (share !== undefined) this.#run?.write(share);
    });
    if (share === undefined || this.#run === undefined) return false;
    this.#run.committed();
    if (!this.#run.isWhole) return false;
    this.#run = undefined;
    return true;
  }

  #insert({ first, timestamp, ids, bodies }: Addition): boolean {
    let n = 0;
    for (; n + ROWS_AT_ONCE <= ids.length; n += ROWS_AT_ONCE)
      if (!this.#events.insertAll(first + n, timestamp, ids, bodies, n)) return false;
    for (; n < ids.length; n++) if (!this.#events.insert(first + n, timestamp, ids[n] as string, bodies[n] as string)) return false;
    return true;
  }
}
