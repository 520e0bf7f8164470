import type { Database } from "better-sqlite3";
import { encodeBlock } from "./block.ts";

/** Makes a file of one version one of the next; within a transaction, which is not its own. */
export type Migration = (db: Database) => void;

const BLOCK_EVENTS = 4096;

/** The first makes version 2 of version 1, and so on. Whoever changes the tables, or what stands in them, adds one at the end. */
export const MIGRATIONS: readonly Migration[] = [indexPublicEvents];

/** The version that these lead to, which a new file has at once. */
export function newest(migrations: readonly Migration[]): number {
  return migrations.length + 1;
}

/** What version a file of ours is of (PRAGMA user_version). */
export function versionOf(db: Database): number {
  return db.pragma("user_version", { simple: true }) as number;
}

/** Brings a file of ours to the newest version, all of the way or none of it. */
export function migrate(db: Database, migrations: readonly Migration[]): void {
  const version = versionOf(db);
  if (version >= newest(migrations)) return;
  db.transaction(() => {
    for (const step of migrations.slice(version - 1)) step(db);
    db.pragma(`user_version = ${newest(migrations)}`);
  }).immediate();
}

/** Version 2: the index has the public events. */
function indexPublicEvents(db: Database): void {
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
}
