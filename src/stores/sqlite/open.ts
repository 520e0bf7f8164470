import { mkdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Database } from "better-sqlite3";
import { NexusError } from "../../errors.ts";
import type { OpenStore, StoreSetup } from "../../log/store.ts";
import { Waiters } from "../../log/waiters.ts";
import { apartOf } from "./apart.ts";
import { CommitQueue } from "./commit-queue.ts";
import type { Sync } from "./connection.ts";
import { fileCut, walCut } from "./cut-short.ts";
import { openDatabase } from "./database.ts";
import { EventRows } from "./event-rows.ts";
import { EventWriter } from "./event-writer.ts";
import { asStoreError, damaged, Failures } from "./failures.ts";
import { IndexWriter } from "./index-run.ts";
import { Indexing } from "./indexing.ts";
import { takeLock } from "./lock.ts";
import { sqliteLog } from "./log.ts";
import { LogEnds } from "./log-ends.ts";
import { Matches } from "./matches.ts";
import { Meta } from "./meta.ts";
import { PostingIndex } from "./posting-index.ts";
import { StateRows, sqliteState } from "./state.ts";
import { StreamHeads } from "./stream-heads.ts";
import { snapshots, transactions } from "./transaction.ts";
import type { Tuning } from "./tuning.ts";
import { Writer } from "./writer.ts";

/**
 * Opens the file for this process alone; it and its directory are made if missing.
 *
 * @throws STORE_LOCKED while another process has it open · STORE_NEWER · STORE_DAMAGED · STORE_UNAVAILABLE for a file that cannot be used.
 */
export function openSqlite(file: string, sync: Sync, tuning: Tuning, setup: StoreSetup): OpenStore {
  if (file === "" || file === ":memory:")
    throw new NexusError("OPTION_INVALID", { option: "file", reason: "it is not a path; memoryStore() keeps a log in memory" });
  const path = inWords(file, () => realPath(file));
  const lock = inWords(path, () => takeLock(path, setup.now()));
  let db: Database | undefined;
  try {
    return inWords(path, () => {
      // Where commits are not waited for, a power loss may take the last of them.
      const cut = fileCut(path) ?? (sync === "full" ? walCut(path) : undefined);
      if (cut !== undefined) throw damaged(path, [cut]);
      db = openDatabase(path, sync);
      return assemble(db, { path, sync, lock, tuning, setup });
    });
  } catch (error) {
    db?.close();
    lock.release();
    throw error;
  }
}

/** Opening says which file is damaged: there are no callers yet who must not know. */
function inWords<T>(file: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const failure = asStoreError(error);
    if (!NexusError.is(failure, "STORE_DAMAGED") || failure.details.file !== undefined) throw failure;
    throw damaged(file, [{ path: "file", message: failure.message }], error);
  }
}

/** One file has one path, and so one lock, however it is named. Its directory is made if missing. */
export function realPath(file: string): string {
  const path = resolve(file);
  mkdirSync(dirname(path), { recursive: true });
  try {
    return realpathSync(path);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    return join(realpathSync(dirname(path)), basename(path));
  }
}

function finish(ends: LogEnds): void {
  try {
    ends.finish();
  } catch {
    // Nothing is lost: what is not indexed is read again when the file is opened, as after a kill.
  }
}

interface Opening {
  readonly path: string;
  readonly sync: Sync;
  readonly lock: { release(): void };
  readonly tuning: Tuning;
  readonly setup: StoreSetup;
}

function assemble(db: Database, { path, sync, lock, tuning, setup }: Opening): OpenStore {
  const meta = new Meta(db);
  const rows = new EventRows(db);
  const index = new PostingIndex(db, meta);
  const matches = new Matches(index, rows);
  const heads = new StreamHeads(matches, rows);
  const waiters = new Waiters();
  const transact = transactions(db);
  const indexing = new Indexing(index, new IndexWriter(db), tuning);
  const ends = new LogEnds({ rows, writer: new EventWriter(db), index, indexing, heads, meta, waiters, transact, now: setup.now });
  const stateRows = new StateRows(db, meta);
  // Who waits for more is told that there will be none.
  const failures = new Failures(path, (damage) => waiters.fail(damage));
  const writer = new Writer({ file: path, sync, indexKeys: tuning.indexKeys }, () => ends.lost(), tuning.writer);
  const queue = new CommitQueue(transact, tuning, [ends, stateRows], apartOf(ends, writer, tuning), failures);
  const close = async (): Promise<void> => {
    try {
      await queue.close();
      waiters.fail(new NexusError("APP_STOPPED", {}));
      await writer.close();
      if (failures.damage === undefined) finish(ends);
      // The last connection to close copies the write-ahead log into the file, and removes it.
      db.close();
    } finally {
      lock.release();
    }
  };
  let closing: Promise<void> | undefined;
  return {
    log: sqliteLog({ epoch: meta.epoch(), ends, queue, rows, matches, waiters, snapshot: snapshots(db) }),
    state: sqliteState(stateRows, queue),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}
