import type { Database } from "better-sqlite3";

/** Does all of `work` or nothing of it; it has returned when that is as durable as the store promises. */
export type Transact = <Result>(work: () => Result) => Result;

export function transactions(db: Database, how: "IMMEDIATE" | "DEFERRED" = "IMMEDIATE"): Transact {
  const [begin, commit, rollback] = [db.prepare(`BEGIN ${how}`), db.prepare("COMMIT"), db.prepare("ROLLBACK")];
  // Not better-sqlite3's own: that makes a savepoint of a transaction which begins in another, and a failed rollback could leave one that never commits.
  return (work) => {
    try {
      begin.run();
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      if (db.inTransaction) rollback.run();
      throw error;
    }
  };
}

/** For work that only reads, many times: the file is locked once for all of it, and all of it is of one moment. */
export function snapshots(db: Database): Transact {
  return transactions(db, "DEFERRED");
}
