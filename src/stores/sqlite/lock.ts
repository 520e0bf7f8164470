import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import Database from "better-sqlite3";
import { NexusError } from "../../errors.ts";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When it took the lock, RFC 3339. */
  readonly start: string;
}

/**
 * Makes this process the only one to have `file` open, until `release`.
 *
 * The lock is an open exclusive transaction on `<file>.lock`: the system drops it with the process, however that ends. Who holds it is written to `<file>.owner`,
 * and never read from the lock file: POSIX forgets a process's locks on a file as soon as it closes any descriptor of that file.
 *
 * @throws STORE_LOCKED naming the holder; also when that is this process.
 */
export function takeLock(file: string, now: number): { release(): void } {
  const ownerFile = `${file}.owner`;
  const db = new Database(`${file}.lock`, { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
    const owner: Owner = { pid: process.pid, host: hostname(), start: new Date(now).toISOString() };
    // In one step: a second process reads all of it or nothing.
    writeFileSync(`${ownerFile}.new`, `${JSON.stringify(owner)}\n`);
    renameSync(`${ownerFile}.new`, ownerFile);
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new NexusError("STORE_LOCKED", { file, ...holder(ownerFile) }, { cause: error });
  }
  return {
    release: () => {
      try {
        // Before the lock goes: afterwards it may be the next owner's.
        rmSync(ownerFile, { force: true });
      } finally {
        db.close();
      }
    },
  };
}

/** Whoever wrote the owner file; pid 0 when it took the lock a moment ago and has not written it yet, or a power loss took what it wrote. */
function holder(ownerFile: string): Pick<Owner, "pid"> & Partial<Pick<Owner, "host">> {
  try {
    const { pid, host } = JSON.parse(readFileSync(ownerFile, "utf8")) as Owner;
    return { pid, host };
  } catch {
    return { pid: 0 };
  }
}
