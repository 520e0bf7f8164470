import { statSync } from "node:fs";
import Database from "better-sqlite3";
import { isGood, KEYS_UNDER, type KeyRecord } from "../../access/keys.ts";
import { asStoreError } from "./failures.ts";
import { leavingNothing } from "./leaving-nothing.ts";
import { holderOf } from "./lock.ts";
import { MIGRATIONS, newest, versionOf } from "./migrations.ts";
import { hasLog } from "./verify.ts";

/** What a file says of itself at a glance. */
export interface Glance {
  /** With its write-ahead log; 0 where there is no file yet. */
  readonly bytes: number;
  /** Who has it open. `pid` is 0 where that cannot be told. */
  readonly holder?: { readonly pid: number; readonly host?: string };
  /** Absent where there is no file, or nothing in it yet. */
  readonly log?: LogGlance;
}

export interface LogGlance {
  /** Of its tables; `known` is that of this package. */
  readonly version: number;
  readonly known: number;
  /** All events up to it are forgotten. */
  readonly floor: number;
  /** Sequence of the last event; the floor where there is none. */
  readonly head: number;
  /** When the newest event was recorded; 0 where there never was one. */
  readonly newest: number;
  readonly keys: { readonly all: number; readonly good: number };
}

/**
 * Reads a few pages, and changes nothing. Another process may have the file open and write to it; this one must not.
 *
 * @throws STORE_DAMAGED · STORE_NEWER · STORE_UNAVAILABLE · OPTION_INVALID for another program's file.
 */
export function glance(file: string, now: number): Glance {
  try {
    return leavingNothing(file, () => look(file, now));
  } catch (error) {
    throw asStoreError(error);
  }
}

function look(file: string, now: number): Glance {
  const [bytes, wal] = [sizeOf(file), sizeOf(`${file}-wal`)];
  // Opening a file that lacks its end would hide that.
  const found = hasLog(file);
  const holder = bytes === undefined ? undefined : holderOf(file);
  return {
    bytes: (bytes ?? 0) + (wal ?? 0),
    ...(holder !== undefined && { holder }),
    ...(found && { log: logOf(file, now) }),
  };
}

/** The version of SQLite. */
export function engineVersion(): string {
  const db = new Database(":memory:");
  try {
    return db.prepare<[], string>("SELECT sqlite_version()").pluck().get() as string;
  } finally {
    db.close();
  }
}

function logOf(file: string, now: number): LogGlance {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    // All of it as it is at one moment.
    db.exec("BEGIN");
    const number = (name: string): number =>
      db.prepare<[string], number>("SELECT value FROM meta WHERE name = ?").pluck().get(name) as number;
    const last = db
      .prepare<[], { readonly sequence: number; readonly timestamp: number }>(
        "SELECT sequence, timestamp FROM events ORDER BY sequence DESC LIMIT 1",
      )
      .get();
    const keys = db
      .prepare<[string, string], string>("SELECT value FROM state WHERE key >= ? AND key < ?")
      .pluck()
      .all(KEYS_UNDER, `${KEYS_UNDER}~`)
      .map((text) => JSON.parse(text) as KeyRecord);
    return {
      version: versionOf(db),
      known: newest(MIGRATIONS),
      floor: number("floor"),
      head: last?.sequence ?? number("floor"),
      newest: last?.timestamp ?? number("timestamp"),
      keys: { all: keys.length, good: keys.filter((key) => isGood(key, now)).length },
    };
  } finally {
    db.close();
  }
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
