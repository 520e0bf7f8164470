import type { Database } from "better-sqlite3";
import { CHANNELS, type NewEvent } from "../../events/event.ts";
import { isDamage } from "./failures.ts";
import type { FaultSink } from "./faults.ts";
import { packId, unpackId } from "./packed-id.ts";
import { keysOf } from "./posting-keys.ts";

/** The store's few numbers, as the file has them. */
export interface Numbers {
  readonly epoch: string;
  readonly floor: number;
  readonly timestamp: number;
  readonly indexed: number;
  readonly revision: number;
}

interface Row {
  readonly sequence: number;
  readonly timestamp: number;
  readonly id: Buffer | string;
  readonly body: string;
}

/** What stands beside a body, and so never in it. */
const OF_THE_ROW = ["id", "sequence", "timestamp", "cursor"];
const VISIBILITIES = ["public", "owner", "operators"];

/**
 * Reads every event: sequences from the floor on without a gap, timestamps that never fall, ids as they are stored, bodies that are events.
 *
 * @param keyed is told what each event is found by in the index.
 * @returns how many there are, and whether all could be read.
 */
export function verifyLog(
  db: Database,
  numbers: Numbers,
  faults: FaultSink,
  keyed: (sequence: number, keys: readonly string[]) => void,
): { readonly events: number; readonly whole: boolean } {
  let before = numbers.floor;
  let timestamp = numbers.timestamp;
  let events = 0;
  let whole = true;
  try {
    for (const row of db.prepare<[], Row>("SELECT sequence, timestamp, id, body FROM events ORDER BY sequence").iterate()) {
      const { sequence } = row;
      if (sequence !== before + 1) faults.add(gap(before + 1, sequence - 1), "is missing: the log has a gap");
      const path = `event ${sequence}`;
      if (!Number.isInteger(row.timestamp)) faults.add(path, "its timestamp is no number");
      else if (row.timestamp < timestamp)
        faults.add(path, `its timestamp is ${timestamp - row.timestamp} ms before that of the event before`);
      else timestamp = row.timestamp;
      const id = idOf(row.id);
      if (id === undefined) faults.add(path, "its id is not one");
      const event = eventIn(row.body);
      if (typeof event === "string") faults.add(path, event);
      else if (id !== undefined) keyed(sequence, keysOf({ ...event, id }));
      before = sequence;
      events += 1;
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    whole = false;
    faults.add(`events after ${before}`, `cannot be read: ${(error as Error).message}`);
  }
  return { events, whole };
}

function gap(first: number, last: number): string {
  return first >= last ? `event ${first}` : `events ${first} to ${last}`;
}

/** The id, where it is stored as it must be: as 16 bytes if it is a UUID, else as text. */
function idOf(stored: Buffer | string): string | undefined {
  if (typeof stored === "string") return stored !== "" && typeof packId(stored) === "string" ? stored : undefined;
  return Buffer.isBuffer(stored) && stored.length === 16 ? unpackId(stored) : undefined;
}

/** The event in a body, or what is wrong with it. */
function eventIn(body: unknown): Omit<NewEvent, "id"> | string {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(String(body)) as Record<string, unknown>;
  } catch (error) {
    return `its body is not JSON: ${(error as Error).message}`;
  }
  if (typeof event !== "object" || event === null || Array.isArray(event)) return "its body is no object";
  const own = OF_THE_ROW.find((field) => field in event);
  if (own !== undefined) return `its body has a field ${own}, which its row has`;
  if (typeof event["type"] !== "string" || typeof event["source"] !== "string") return "its body has no type, or no source";
  if (!CHANNELS.includes(event["channel"] as never)) return "its body has no channel";
  if (!VISIBILITIES.includes(event["visibility"] as string)) return "its body has no visibility";
  return event as unknown as Omit<NewEvent, "id">;
}
