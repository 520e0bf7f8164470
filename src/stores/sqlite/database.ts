import { existsSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import { NexusError } from "../../errors.ts";
import { newEpoch } from "../../log/epoch.ts";
import { connect, type Sync } from "./connection.ts";
import { damaged, isDamage, refused } from "./failures.ts";
import { MIGRATIONS, type Migration, migrate, newest, versionOf } from "./migrations.ts";
import { checkSound } from "./soundness.ts";

/** "Nexu": marks the file as ours (PRAGMA application_id). */
const APPLICATION = 0x4e657875;

/**
 * Opens the file; makes it if there is none, and brings it to this version if it is of an older one.
 *
 * @throws STORE_NEWER · STORE_DAMAGED · OPTION_INVALID for a file of another program; it is left as it is.
 */
export function openDatabase(file: string, sync: Sync, migrations: readonly Migration[] = MIGRATIONS): Database.Database {
  const known = newest(migrations);
  const fresh = isBlank(file, known);
  const db = connect(file, sync);
  try {
    if (fresh) create(db, known);
    else {
      checkSound(db, file);
      migrate(db, migrations);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Looks before anything is changed: through a connection that cannot write.
 *
 * @returns whether there is no such file, or nothing in it: whoever began to make it ended before its tables were there.
 * @throws STORE_NEWER · STORE_DAMAGED · OPTION_INVALID for a file of another program.
 */
export function isBlank(file: string, known: number): boolean {
  if (!existsSync(file) || statSync(file).size === 0) return true;
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const application = db.pragma("application_id", { simple: true }) as number;
    if (application === 0 && db.prepare("SELECT count(*) FROM sqlite_schema").pluck().get() === 0) return true;
    if (application !== APPLICATION) throw otherProgram(file);
    const version = versionOf(db);
    if (version > known)
      throw new NexusError(
        "STORE_NEWER",
        { file, version, known },
        { detail: `${file} is a database of version ${version}, and this package knows versions up to ${known}.` },
      );
    return false;
  } catch (error) {
    if (!isDamage(error)) throw error;
    const message =
      (error as { code?: string }).code === "SQLITE_NOTADB" ? "is no database, or its first page is damaged" : (error as Error).message;
    throw damaged(file, [{ path: "file", message }], error);
  } finally {
    db.close();
  }
}

function otherProgram(file: string): NexusError {
  return refused(file, "is a database of another program; name another file");
}

function create(db: Database.Database, version: number): void {
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
    db.pragma(`user_version = ${version}`);
  })();
}
