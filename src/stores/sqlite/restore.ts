import { existsSync, linkSync, realpathSync, renameSync } from "node:fs";
import Database from "better-sqlite3";
import { NexusError } from "../../errors.ts";
import { newEpoch } from "../../log/epoch.ts";
import { keepsPlaces, movedTo, placesIn } from "../../log/kept-places.ts";
import type { OpenStore } from "../../log/store.ts";
import { copyInto } from "./copy.ts";
import { fileCut, walCut } from "./cut-short.ts";
import { isBlank } from "./database.ts";
import { syncFile, syncFolderOf } from "./durable-file.ts";
import { asStoreError, damaged, refused } from "./failures.ts";
import { takeLock } from "./lock.ts";
import { MIGRATIONS, newest } from "./migrations.ts";
import { openSqlite, realPath } from "./open.ts";
import { clearPartials, partialOf, removeDatabase } from "./partial.ts";
import { DEFAULTS } from "./tuning.ts";
import { checkReadable, type Verified, verify } from "./verify.ts";

/** A file that is in its place, whole, verified, and on stable storage. */
export interface Restored {
  readonly from: string;
  /** What is in it. */
  readonly copy: Verified;
  /** The file that had this place before; absent where there was none. */
  readonly kept?: string;
}

/**
 * Puts a copy of a database file in the place of another, as a log of its own: with a new epoch, in which every place that the file itself keeps stands where it
 * stood, and every cursor that anybody else keeps is of another log. See docs/decisions/032-restore.md.
 *
 * @param file where it goes; what is there is kept beside it. While this works nobody else can open it.
 * @param look is shown the copy before it has its place.
 * @throws OPTION_INVALID · STORE_LOCKED · STORE_NEWER · STORE_DAMAGED · STORE_UNAVAILABLE; then what was there is there, as it was.
 */
export async function restore(from: string, file: string, look: (store: OpenStore) => Promise<void>): Promise<Restored> {
  checkReadable(from);
  const to = realPath(file);
  if (realpathSync(from) === to) throw refused(from, "is the file that it is to replace; name a backup of it");
  const lock = takeLock(to, Date.now());
  const partial = partialOf(to);
  try {
    const isWhole = settle(to);
    clearPartials(to);
    await copyInto(from, partial);
    beginAnew(partial);
    await shown(partial, look);
    const copy = verify(partial);
    if (copy.faults.length > 0) throw damaged(from, copy.faults);
    syncFile(partial);
    const kept = setAside(to, isWhole);
    renameSync(partial, to);
    syncFolderOf(to);
    return { from, copy: { ...copy, file: to }, ...(kept !== undefined && { kept }) };
  } catch (error) {
    throw asStoreError(error);
  } finally {
    removeDatabase(partial);
    lock.release();
  }
}

/**
 * Brings what is to be replaced into one file, so that it can be replaced in one step.
 *
 * @returns false for what is damaged: it is left exactly as it is. @throws OPTION_INVALID for a file of another program
 */
function settle(file: string): boolean {
  // Before anything opens it: SQLite would take what was cut off for its end.
  if (!existsSync(file) || (fileCut(file) ?? walCut(file)) !== undefined) return false;
  try {
    isBlank(file, newest(MIGRATIONS));
  } catch (error) {
    if (NexusError.is(error, "OPTION_INVALID")) throw error;
    if (!NexusError.is(error, "STORE_NEWER")) return false;
  }
  let db: Database.Database | undefined;
  try {
    // Whoever closes a file last moves the write-ahead log into it.
    db = new Database(file, { fileMustExist: true });
    db.pragma("wal_checkpoint(TRUNCATE)");
  } catch {
    // Damaged somewhere else.
  } finally {
    db?.close();
  }
  return !existsSync(`${file}-wal`);
}

/** A new epoch, and every place that is kept in the state is of it. */
function beginAnew(file: string): void {
  const db = new Database(file, { fileMustExist: true });
  try {
    const before = db.prepare<[], string>("SELECT value FROM meta WHERE name = 'epoch'").pluck().get();
    const epoch = newEpoch();
    const read = db.prepare<[string], string>("SELECT value FROM state WHERE key = ?").pluck();
    const write = db.prepare<[string, string]>("UPDATE state SET value = ? WHERE key = ?");
    db.transaction(() => {
      db.prepare("UPDATE meta SET value = ? WHERE name = 'epoch'").run(epoch);
      for (const key of db.prepare<[], string>("SELECT key FROM state").pluck().all()) {
        if (!keepsPlaces(key)) continue;
        const value: unknown = JSON.parse(read.get(key) as string);
        // What was no place of that log is none of this one: it is found when the copy is verified.
        const isOf = placesIn(key, value).every((place) => String(place).startsWith(`${before}.`));
        if (isOf) write.run(JSON.stringify(movedTo(epoch, key, value)), key);
      }
    })();
  } finally {
    db.close();
  }
}

/** Opened as an app opens it, which also makes it a file of this version. */
async function shown(file: string, look: (store: OpenStore) => Promise<void>): Promise<void> {
  await using store = openSqlite(file, "full", DEFAULTS, { now: Date.now });
  await look(store);
}

/**
 * Gives what is to be replaced another name.
 *
 * @param isWhole it is one file: it keeps its name, too, until another has it. A kill at any moment leaves one of the two there.
 */
function setAside(file: string, isWhole: boolean): string | undefined {
  const there = ["", "-wal", "-shm"].filter((suffix) => existsSync(file + suffix));
  if (there.length === 0) return undefined;
  const kept = `${file}.replaced-${new Date().toISOString().replaceAll(/[-:]/g, "")}`;
  if (!isWhole || !linked(file, kept)) for (const suffix of there) renameSync(file + suffix, kept + suffix);
  return kept;
}

function linked(file: string, as: string): boolean {
  try {
    linkSync(file, as);
    return true;
  } catch {
    // A file system without links.
    return false;
  }
}
