import { existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import Database from "better-sqlite3";
import { NexusError } from "../../errors.ts";

/** So long it is tried to take a lock that somebody may hold for a moment only: to see whether anyone has it. */
const TRY_MS = 50;

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
  const db = new Database(`${file}.lock`, { timeout: TRY_MS });
  try {
    db.exec("BEGIN EXCLUSIVE");
    const owner: Owner = { pid: process.pid, host: hostname(), start: new Date(now).toISOString() };
    // In one step: a second process reads all of it or nothing.
    writeFileSync(`${ownerFile}.new`, `${JSON.stringify(owner)}\n`);
    renameSync(`${ownerFile}.new`, ownerFile);
  } catch (error) {
    db.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    const { pid, host } = holder(ownerFile);
    throw new NexusError("STORE_LOCKED", { file, pid, ...(host !== undefined && { host }) }, { cause: error });
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

/** Who has a file open; `undefined` where nobody has. Not in a process that may have it open itself: the system would forget its lock. */
export function holderOf(file: string): (Pick<Owner, "pid"> & Partial<Owner>) | undefined {
  const path = realpathSync(file);
  if (!existsSync(`${path}.lock`)) return undefined;
  const db = new Database(`${path}.lock`, { readonly: true, timeout: 0 });
  try {
    // Reading is refused by whoever writes.
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return undefined;
  } catch (error) {
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    return holder(`${path}.owner`);
  } finally {
    db.close();
  }
}

/** Whoever wrote the owner file; pid 0 when it took the lock a moment ago and has not written it yet, or a power loss took what it wrote. */
function holder(ownerFile: string): Pick<Owner, "pid"> & Partial<Owner> {
  try {
    return JSON.parse(readFileSync(ownerFile, "utf8")) as Owner;
  } catch {
    return { pid: 0 };
  }
}
