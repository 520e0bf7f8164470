import { chmodSync, closeSync, fdatasyncSync, openSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import { relieve } from "./relief.ts";

/** Pages copied at once, and how many times that between two syncs, 16 MiB: another process's sync, as a server does with each commit, waits for all that is on its way to the disk. */
const PAGES_AT_ONCE = 512;
const STEPS_A_SYNC = 4;

/**
 * Everything up to one moment, page by page, into one file, that can be read where nothing can be written.
 *
 * In one read transaction: without that, SQLite would begin anew with each commit of another process.
 *
 * @param to where there is nothing yet; it gets the permissions of the original.
 */
export async function copyInto(file: string, to: string): Promise<void> {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  closeSync(openSync(to, "wx", statSync(file).mode));
  chmodSync(to, statSync(file).mode);
  const fd = openSync(to, "r+");
  try {
    db.exec("BEGIN");
    db.prepare("SELECT count(*) FROM meta").get();
    let steps = 0;
    await db.backup(to, {
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
  makeAlone(to);
}

function makeAlone(file: string): void {
  const db = new Database(file, { fileMustExist: true });
  try {
    db.pragma("journal_mode = DELETE");
  } finally {
    db.close();
  }
}
