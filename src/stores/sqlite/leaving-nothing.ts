import { existsSync } from "node:fs";
import Database from "better-sqlite3";

/**
 * Looks at a file, and leaves no other beside it.
 *
 * Who may only read makes a write-ahead log and its shared memory where there are none, and cannot remove them. Left behind by another user, they would keep the
 * server out. The last connection to close that may write removes them, under SQLite's own locks: it does no harm to whoever has opened the file since.
 */
export function leavingNothing<T>(file: string, look: () => T): T {
  const wal = `${file}-wal`;
  const before = existsSync(wal);
  try {
    return look();
  } finally {
    if (!before && existsSync(wal)) touch(file);
  }
}

function touch(file: string): void {
  const db = new Database(file, { fileMustExist: true });
  try {
    db.pragma("schema_version");
  } finally {
    db.close();
  }
}
