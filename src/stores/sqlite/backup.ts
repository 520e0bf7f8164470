import { chmodSync, closeSync, existsSync, fdatasyncSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import Database from "better-sqlite3";
import { NexusError } from "../../errors.ts";
import { putInPlace, syncFile } from "./durable-file.ts";
import { asStoreError, damaged } from "./failures.ts";
import { relieve } from "./relief.ts";
import { checkReadable, type Verified, verify } from "./verify.ts";

/** Pages copied at once, and how many times that between two syncs, 16 MiB: another process's sync, as a server does with each commit, waits for all that is on its way to the disk. */
const PAGES_AT_ONCE = 512;
const STEPS_A_SYNC = 4;

/** A backup that is whole, verified, and on stable storage. */
export interface BackedUp {
  readonly from: string;
  /** What was found in the copy. */
  readonly copy: Verified;
}

/**
 * Copies a file as it is at one moment, while another process may write to it at full speed.
 *
 * Not by VACUUM INTO: that hands all it has written to the disk at its end, and a server's commits wait behind it. See docs/decisions/027-backup.md.
 *
 * @param to where there is nothing yet; it is not there before it is whole, verified and on stable storage.
 * @param copied hears when the file that is copied is needed no more.
 * @throws OPTION_INVALID · STORE_NEWER · STORE_DAMAGED · STORE_UNAVAILABLE; then nothing is left behind.
 */
export async function backup(file: string, to: string, copied: () => void): Promise<BackedUp> {
  checkFree(to);
  checkReadable(file);
  forsake(to);
  const partial = `${to}.${process.pid}.partial`;
  try {
    await copyInto(file, partial);
    copied();
    makeAlone(partial);
    const copy = verify(partial);
    if (copy.faults.length > 0) throw damaged(file, copy.faults);
    syncFile(partial);
    checkFree(to);
    putInPlace(partial, to);
    return { from: file, copy: { ...copy, file: to } };
  } catch (error) {
    throw asStoreError(error);
  } finally {
    removeAll(partial);
  }
}

/** Everything up to one moment, page by page, in one read transaction: without that, SQLite would begin anew with each commit of another process. */
async function copyInto(file: string, partial: string): Promise<void> {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  closeSync(openSync(partial, "wx", statSync(file).mode));
  chmodSync(partial, statSync(file).mode);
  const fd = openSync(partial, "r+");
  try {
    db.exec("BEGIN");
    db.prepare("SELECT count(*) FROM meta").get();
    let steps = 0;
    await db.backup(partial, {
      progress: () => {
        if (++steps % STEPS_A_SYNC === 0) fdatasyncSync(fd);
        return PAGES_AT_ONCE;
      },
    });
    relieve(file, () => db.exec("COMMIT"));
  } finally {
    closeSync(fd);
    db.close();
  }
}

/** One file, that can be read where nothing can be written. */
function makeAlone(file: string): void {
  const db = new Database(file, { fileMustExist: true });
  try {
    db.pragma("journal_mode = DELETE");
  } finally {
    db.close();
  }
}

function checkFree(to: string): void {
  if (existsSync(to)) throw refused(to, "is there already; name another file");
  if (!existsSync(dirname(to))) throw refused(to, "its folder is not there");
}

function refused(file: string, reason: string): NexusError {
  return new NexusError("OPTION_INVALID", { option: file, reason }, { detail: `${file} ${reason}` });
}

/** What a backup to the same place has left that was killed. */
function forsake(to: string): void {
  for (const name of readdirSync(dirname(to))) {
    const [, pid] = name.startsWith(`${basename(to)}.`) ? (/\.(\d+)\.partial$/.exec(name) ?? []) : [];
    if (pid !== undefined && !isAlive(Number(pid))) removeAll(join(dirname(to), name));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

function removeAll(file: string): void {
  for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
}
