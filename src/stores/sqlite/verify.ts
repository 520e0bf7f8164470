import { existsSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import { type Fault, NexusError } from "../../errors.ts";
import type { Cursor } from "../../events/event.ts";
import { cursorOf } from "../../log/cursor.ts";
import { fileCut, walCut } from "./cut-short.ts";
import { isBlank } from "./database.ts";
import { asStoreError, damaged } from "./failures.ts";
import { Faults } from "./faults.ts";
import { IndexDigest } from "./index-digest.ts";
import { leavingNothing } from "./leaving-nothing.ts";
import { MIGRATIONS, newest, versionOf } from "./migrations.ts";
import { unpackId } from "./packed-id.ts";
import { relieve } from "./relief.ts";
import { numberFaults, pageFaults } from "./soundness.ts";
import { verifyIndex } from "./verify-index.ts";
import { type Numbers, verifyLog } from "./verify-log.ts";
import { verifyState } from "./verify-state.ts";

const MOST_FAULTS = 100;

/** What a file was found to be. */
export interface Verified {
  readonly file: string;
  /** Of its tables; `known` is that of this package. */
  readonly version: number;
  readonly known: number;
  /** With its write-ahead log. */
  readonly bytes: number;
  readonly events: number;
  /** Sequences of the first and the last event; absent where there is none. */
  readonly first?: number;
  readonly last?: number;
  /** The place after the last event. */
  readonly cursor?: Cursor;
  /** Keys of the index, and how many pairs of a key and an event were compared; absent for an older version, which has another index, and where the log cannot be read to its end. `behind`: so many of the newest events it does not reach yet; they are indexed when the file is opened. */
  readonly index?: { readonly keys: number; readonly entries: number; readonly behind: number };
  readonly state?: { readonly values: number; readonly places: number };
  /** A hundred at most. */
  readonly faults: readonly Fault[];
  /** Those beyond. */
  readonly moreFaults: number;
}

/**
 * Reads the whole file, as it is at one moment, and changes nothing. Another process may have it open and write to it; this one must not.
 *
 * @throws OPTION_INVALID for a file that is not there, or another program's · STORE_NEWER · STORE_DAMAGED where it must not even be opened, or cannot be.
 */
export function verify(file: string): Verified {
  return leavingNothing(file, () => verified(file));
}

function verified(file: string): Verified {
  checkReadable(file);
  const faults = new Faults();
  const db = new Database(file, { readonly: true });
  try {
    db.exec("BEGIN");
    return { file, ...look(db, faults), bytes: sizeOf(file), faults: faults.named, moreFaults: faults.more };
  } catch (error) {
    throw asStoreError(error);
  } finally {
    relieve(file, () => db.close());
  }
}

/**
 * To be asked before a file is opened by whoever is not to serve it.
 *
 * @throws STORE_DAMAGED, also for one that lacks its end, or that of its write-ahead log: to open it would make that look as if it had never been
 * · STORE_NEWER · OPTION_INVALID for a file that is not there, or another program's.
 */
export function checkReadable(file: string): void {
  if (!hasLog(file)) throw nothingIn(file);
}

/** The same, where a file that is not there, or that has nothing in it yet, is no error. */
export function hasLog(file: string): boolean {
  const cut = fileCut(file) ?? walCut(file);
  if (cut !== undefined) throw damaged(file, [cut]);
  return !isBlank(file, newest(MIGRATIONS));
}

/** Page by page, then event by event. */
function look(db: Database.Database, faults: Faults): Omit<Verified, "file" | "bytes" | "faults" | "moreFaults"> {
  const [version, known] = [versionOf(db), newest(MIGRATIONS)];
  faults.addAll(pageFaults(db, `integrity_check(${MOST_FAULTS})`));
  const found = readNumbers(db, faults);
  if (found === undefined) return { version, known, events: 0 };
  const { numbers, last } = found;
  const wanted = new IndexDigest();
  const { events, whole } = verifyLog(db, numbers, faults, (sequence, keys) => {
    if (sequence <= numbers.indexed) for (const key of keys) wanted.add(key, sequence);
  });
  const { sequence = numbers.floor, id } = last ?? {};
  return {
    version,
    known,
    events,
    ...(last !== undefined && { first: numbers.floor + 1, last: last.sequence }),
    cursor: cursorOf(numbers.epoch, sequence, id === undefined ? undefined : unpackId(id)),
    ...(version === known &&
      whole && {
        index: {
          keys: verifyIndex(db, numbers, wanted, faults),
          entries: wanted.pairs,
          behind: Math.max(0, sequence - Math.max(numbers.indexed, numbers.floor)),
        },
      }),
    state: verifyState(db, numbers, faults),
  };
}

interface Last {
  readonly sequence: number;
  readonly id: Buffer | string;
}

function readNumbers(db: Database.Database, faults: Faults): { readonly numbers: Numbers; readonly last: Last | undefined } | undefined {
  try {
    const wrong = numberFaults(db);
    faults.addAll(wrong);
    if (wrong.some(({ path }) => path.startsWith("meta "))) return undefined;
    const rows = db.prepare<[], { readonly name: string; readonly value: unknown }>("SELECT name, value FROM meta").all();
    const numbers = Object.fromEntries(rows.map(({ name, value }) => [name, value])) as unknown as Numbers;
    return { numbers, last: db.prepare<[], Last>("SELECT sequence, id FROM events ORDER BY sequence DESC LIMIT 1").get() };
  } catch (error) {
    faults.add("meta", `cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}

function nothingIn(file: string): NexusError {
  const reason = existsSync(file) ? "there is nothing in it" : "it is not there";
  return new NexusError("OPTION_INVALID", { option: file, reason }, { detail: `${file}: ${reason}` });
}

function sizeOf(file: string): number {
  return statSync(file).size + (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0);
}
