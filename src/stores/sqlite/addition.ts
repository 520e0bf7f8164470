import type { Database } from "better-sqlite3";
import { EventWriter, ROWS_AT_ONCE } from "./event-writer.ts";
import { type IndexPart, IndexWriter } from "./index-part.ts";
import { transactions } from "./transaction.ts";

/** What one commit adds to the log. Plain, so that another thread can be given it. */
export interface Addition {
  /** The sequence of the first event. */
  readonly first: number;
  readonly timestamp: number;
  readonly ids: readonly string[];
  readonly bodies: readonly string[];
  readonly index: IndexPart | undefined;
}

/** @returns what writes an addition in a transaction of its own. It throws, and has written nothing, also when one of the ids is not new. */
export function additions(db: Database): (addition: Addition) => void {
  const transact = transactions(db);
  const events = new EventWriter(db);
  const index = new IndexWriter(db);
  const insert = ({ first, timestamp, ids, bodies }: Addition): boolean => {
    let n = 0;
    for (; n + ROWS_AT_ONCE <= ids.length; n += ROWS_AT_ONCE) if (!events.insertAll(first + n, timestamp, ids, bodies, n)) return false;
    for (; n < ids.length; n++) if (!events.insert(first + n, timestamp, ids[n] as string, bodies[n] as string)) return false;
    return true;
  };
  return (addition) =>
    transact(() => {
      if (!insert(addition)) throw new Error("An id is not new.");
      if (addition.index !== undefined) index.write(addition.index);
    });
}
