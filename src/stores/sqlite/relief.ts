import Database from "better-sqlite3";
import { holderOf } from "./lock.ts";

/**
 * What was committed since could not go from the write-ahead log into the file. That is done here, now: otherwise the server would do all of it at once, with its next commit.
 *
 * @param end of the reading that was in the way.
 */
export function relieve(file: string, end: () => void): void {
  // A file that nobody serves is left as it is.
  if (holderOf(file) === undefined) return end();
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { fileMustExist: true });
    db.pragma("wal_autocheckpoint = 0");
    db.pragma("busy_timeout = 0");
  } catch {
    // Who may only read cannot help.
  }
  end();
  try {
    db?.pragma("wal_checkpoint(PASSIVE)");
  } catch {
    // The server does it itself, then.
  } finally {
    db?.close();
  }
}
