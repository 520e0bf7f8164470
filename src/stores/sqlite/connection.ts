import Database, { type Options } from "better-sqlite3";

/** What commits are waited for: "full", until they are on the disk; "normal", until the operating system has them. */
export type Sync = "full" | "normal";

/** A connection that writes to a store's file, as each of them is to be. */
export function connect(file: string, sync: Sync, options?: Options): Database.Database {
  const db = new Database(file, options);
  try {
    // Pages of 8 KiB: fewer of them for each commit of many events. Only possible before the first table.
    db.pragma("page_size = 8192");
    db.pragma("journal_mode = WAL");
    db.pragma(`synchronous = ${sync}`);
    // 8 MiB of log between checkpoints: whoever commits waits for each some 7 ms; for four times as much it would be 25.
    db.pragma("wal_autocheckpoint = 1000");
    db.pragma("journal_size_limit = 67108864");
    // What is not here is with the operating system. More of it made reads slower: it pushes everything else out of the processor's caches.
    db.pragma("cache_size = -8192");
    // Nobody else writes to this file; a backup tool may hold it for a moment. Longer would stop the event loop.
    db.pragma("busy_timeout = 250");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
