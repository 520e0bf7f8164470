import { existsSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import { newEpoch } from "../../log/epoch.ts";
import { encodeBlock } from "./block.ts";
import { unusable } from "./unavailable.ts";

/** "Nexu": marks the file as ours (PRAGMA application_id). */
const APPLICATION = 0x4e657875;
/** Grows with each change of the tables and of what stands in them (PRAGMA user_version). 2: the index has the public events. */
const SCHEMA = 2;
const BLOCK_EVENTS = 4096;

/**
 * Opens the file, and makes it if there is none.
 *
 * @throws STORE_UNAVAILABLE, in words, for a file that is not ours to open; it is left as it is.
 */
export function openDatabase(file: string, sync: "full" | "normal"): Database.Database {
  const fresh = !existsSync(file) || statSync(file).size === 0 || isBlank(file);
  const db = new Database(file);
  try {
    // Pages of 8 KiB: fewer of them for each commit of many events. Only possible before the first table.
    db.pragma("page_size = 8192");
    db.pragma("journal_mode = WAL");
    db.pragma(`synchronous = ${sync}`);
    // 32 MiB of log between checkpoints: each stops the event loop for some milliseconds, however much there is to copy.
    db.pragma("wal_autocheckpoint = 4000");
    db.pragma("journal_size_limit = 67108864");
    db.pragma("cache_size = -32768");
    // Nobody else writes to this file; a backup tool may hold it for a moment. Longer would stop the event loop.
    db.pragma("busy_timeout = 250");
    if (fresh) create(db);
    else if ((db.pragma("user_version", { simple: true }) as number) < 2) indexPublicEvents(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Looks before anything is changed: through a connection that cannot write.
 *
 * @returns whether there is nothing in it: whoever began to make it ended before its tables were there.
 * @throws STORE_UNAVAILABLE for a file of another program, or of a newer version.
 */
function isBlank(file: string): boolean {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const version = db.pragma("user_version", { simple: true }) as number;
    const application = db.pragma("application_id", { simple: true }) as number;
    if (application === 0 && db.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() === 0) return true;
    if (application !== APPLICATION) throw unusable(file, "is a database of another program; name another file.");
    if (version > SCHEMA)
      throw unusable(
        file,
        `was written by a newer version of Nexus (schema ${version}; this one reads up to ${SCHEMA}); update Nexus, or name another file.`,
      );
    return false;
  } catch (error) {
    if ((error as { code?: string }).code === "SQLITE_NOTADB") throw unusable(file, "is not a database; name another file.", error);
    throw error;
  } finally {
    db.close();
  }
}

function create(db: Database.Database): void {
  db.transaction(() => {
    // No index but the ids': what is looked up by field is found through `postings`, written behind the head.
    db.exec(`
      CREATE TABLE events (sequence INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, id BLOB NOT NULL UNIQUE, body TEXT NOT NULL);
      CREATE TABLE postings (key TEXT NOT NULL, last INTEGER NOT NULL, block BLOB NOT NULL, PRIMARY KEY (key, last)) WITHOUT ROWID;
      CREATE TABLE state (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value NOT NULL) WITHOUT ROWID;
    `);
    const meta = db.prepare("INSERT INTO meta (name, value) VALUES (?, ?)");
    meta.run("epoch", newEpoch());
    for (const name of ["floor", "timestamp", "indexed", "revision"]) meta.run(name, 0);
    db.pragma(`application_id = ${APPLICATION}`);
    db.pragma(`user_version = ${SCHEMA}`);
  })();
}

/** What an older version did not put into the index. */
function indexPublicEvents(db: Database.Database): void {
  db.transaction(() => {
    const indexed = db.prepare("SELECT value FROM meta WHERE name = 'indexed'").pluck().get() as number;
    const found = db
      .prepare<[number], number>("SELECT sequence FROM events WHERE sequence <= ? AND body ->> 'visibility' = 'public' ORDER BY sequence")
      .pluck()
      .all(indexed);
    const insert = db.prepare("INSERT INTO postings (key, last, block) VALUES ('p', ?, ?)");
    for (let n = 0; n < found.length; n += BLOCK_EVENTS) {
      const block = found.slice(n, n + BLOCK_EVENTS);
      insert.run(block.at(-1), encodeBlock(block));
    }
    db.pragma(`user_version = ${SCHEMA}`);
  })();
}
