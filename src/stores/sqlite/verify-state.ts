import type { Database } from "better-sqlite3";
import { NexusError } from "../../errors.ts";
import { cursorOf, sequenceIn } from "../../log/cursor.ts";
import { placesIn } from "../../log/kept-places.ts";
import { checkKey } from "../../log/state-entry.ts";
import { isDamage } from "./failures.ts";
import type { FaultSink } from "./faults.ts";
import { unpackId } from "./packed-id.ts";
import type { Numbers } from "./verify-log.ts";

interface Row {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

/** What there is in the state, and how many places of the log are kept in it. */
export interface VerifiedState {
  readonly values: number;
  readonly places: number;
}

/** Reads every value of the state: keys and values as they may be, revisions that were given out, places of this log and of no other. */
export function verifyState(db: Database, numbers: Numbers, faults: FaultSink): VerifiedState {
  const places: Place[] = [];
  let values = 0;
  try {
    for (const row of db.prepare<[], Row>("SELECT key, value, revision FROM state ORDER BY key").iterate()) {
      const path = `state ${row.key}`;
      values += 1;
      if (!isKey(row.key)) faults.add(path, "its key is not one");
      if (!Number.isInteger(row.revision) || row.revision < 1 || row.revision > numbers.revision)
        faults.add(path, `its revision is ${row.revision}, and none above ${numbers.revision} was given out`);
      const found = cursorsIn(row);
      if (typeof found === "string") faults.add(path, found);
      else for (const cursor of found) places.push({ path, cursor });
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    faults.add("state", `cannot be read: ${(error as Error).message}`);
  }
  const placeFault = placeFaults(db, numbers);
  for (const { path, cursor } of places) {
    const fault = placeFault(cursor);
    if (fault !== undefined) faults.add(path, fault);
  }
  return { values, places: places.length };
}

interface Place {
  readonly path: string;
  readonly cursor: string;
}

/** The places in a value, or why it cannot be read. */
function cursorsIn({ key, value }: Row): readonly string[] | string {
  try {
    return placesIn(key, JSON.parse(value)).map(String);
  } catch (error) {
    return `its value cannot be read: ${(error as Error).message}`;
  }
}

/** Says what is wrong with a place. One before the floor is none any more, and whoever keeps it is told so when it is asked for. */
function placeFaults(db: Database, { epoch, floor }: Numbers): (cursor: string) => string | undefined {
  const idAt = db.prepare<[number], Buffer | string>("SELECT id FROM events WHERE sequence = ?").pluck();
  const head = db.prepare<[], number | null>("SELECT max(sequence) FROM events").pluck().get() ?? floor;
  return (cursor) => {
    const sequence = sequenceIn(cursor);
    if (!cursor.startsWith(`${epoch}.`)) return `${cursor} is a place of another log`;
    if (sequence > head) return `${cursor} is behind the last event, ${head}`;
    if (cursor === cursorOf(epoch, sequence)) return undefined;
    if (!cursor.startsWith(`${cursorOf(epoch, sequence)}.`)) return `${cursor} is no place`;
    const id = sequence > floor ? idAt.get(sequence) : undefined;
    if (id === undefined) return undefined;
    return cursor === cursorOf(epoch, sequence, unpackId(id))
      ? undefined
      : `${cursor} is behind another event ${sequence} than this log has`;
  };
}

function isKey(key: string): boolean {
  try {
    checkKey(key);
    return true;
  } catch (error) {
    if (!NexusError.is(error, "STATE_INVALID")) throw error;
    return false;
  }
}
