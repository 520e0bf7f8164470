import { crc32 } from "node:zlib";
import { NexusError } from "../errors.ts";
import type { Cursor } from "../events/event.ts";
import { parseFilter, parseInstant, type Sight } from "../events/filter.ts";
import type { Head, Log } from "./log.ts";

const CURSOR = /^([0-9a-z]{10})\.(0|[1-9]\d{0,15})(?:\.([0-9a-z]{1,7}))?$/;

/**
 * The cursor of the place just after event `sequence`.
 *
 * @param id of that event: its CRC-32 (ISO 3309) in base 36 is the cursor's check. Absent when the event is not there: then there is no check.
 */
export function cursorOf(epoch: string, sequence: number, id?: string): Cursor {
  const place = `${epoch}.${sequence}`;
  return id === undefined ? place : `${place}.${checkOf(id)}`;
}

/** The cursor without its check, which tells of the event's id: for whoever may not see the event. */
export function withoutCheck(cursor: Cursor): Cursor {
  return cursor.split(".", 2).join(".");
}

/** The same place in another epoch: after the same event. */
export function inEpoch(cursor: Cursor, epoch: string): Cursor {
  return epoch + cursor.slice(cursor.indexOf("."));
}

/** The position in a cursor, whether or not there is such a place in the log; 0 for what is no cursor. */
export function sequenceIn(cursor: Cursor): number {
  return Number(CURSOR.exec(cursor)?.[2] ?? 0);
}

/**
 * The position that a place names: a cursor, "earliest", "latest", "time:<RFC 3339>" or a Date.
 *
 * @param sight of whoever names it: a check of an event that is not theirs to see is not compared, or it could be guessed.
 * @throws CURSOR_INVALID for what is none of these · CURSOR_UNKNOWN for a cursor of another history · CURSOR_EXPIRED below the floor.
 */
export async function positionOf(log: Log, place: string | Date, sight?: Sight): Promise<number> {
  const head = await log.head();
  if (place === "earliest") return head.floor;
  if (place === "latest") return head.sequence;
  if (place instanceof Date) return positionOfTime(log, head, place.getTime());
  if (typeof place === "string" && place.startsWith("time:")) return positionOfTime(log, head, timeIn(place));
  return positionOfCursor(log, head, place, sight);
}

function timeIn(place: string): number {
  try {
    return parseInstant("after", place.slice("time:".length));
  } catch (cause) {
    throw new NexusError(
      "CURSOR_INVALID",
      { cursor: place.slice(0, 200) },
      { cause, detail: "after time: comes RFC 3339 with a zone (time:2026-11-23T10:00:00Z)" },
    );
  }
}

async function positionOfTime(log: Log, head: Head, since: number): Promise<number> {
  if (!Number.isFinite(since)) throw new NexusError("CURSOR_INVALID", { cursor: "Invalid Date" });
  const { events } = await log.read({ after: head.floor, filter: parseFilter({ since }, { times: true }), limit: 1 });
  const first = events[0];
  return first === undefined ? head.sequence : first.sequence - 1;
}

async function positionOfCursor(log: Log, head: Head, cursor: string, sight: Sight | undefined): Promise<number> {
  const match = typeof cursor === "string" ? CURSOR.exec(cursor) : null;
  if (match === null) throw new NexusError("CURSOR_INVALID", { cursor: String(cursor).slice(0, 200) });
  const [, epoch, digits, check] = match;
  const sequence = Number(digits);
  const earliest = cursorOf(head.epoch, head.floor);
  if (epoch !== head.epoch) throw new NexusError("CURSOR_UNKNOWN", { cursor, reason: "unknown", earliest });
  if (sequence > head.sequence) throw new NexusError("CURSOR_UNKNOWN", { cursor, reason: "ahead", earliest });
  if (sequence < head.floor) throw new NexusError("CURSOR_EXPIRED", { cursor, earliest });
  if (sequence === head.floor || check === undefined) return sequence;
  const { events } = await log.read({ after: sequence - 1, limit: 1 });
  const event = events[0];
  if (event === undefined || event.sequence !== sequence)
    throw new NexusError("CURSOR_EXPIRED", { cursor, earliest: cursorOf(head.epoch, (await log.head()).floor) });
  if (sight?.sees(event) === false) return sequence;
  if (checkOf(event.id) !== check) throw new NexusError("CURSOR_UNKNOWN", { cursor, reason: "unknown", earliest });
  return sequence;
}

function checkOf(id: string): string {
  return inBase36(crc32(id));
}

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** As `toString(36)`, which takes twice as long: it also knows fractions. */
function inBase36(whole: number): string {
  let text = "";
  let rest = whole;
  do {
    const above = Math.floor(rest / 36);
    text = (DIGITS[rest - above * 36] as string) + text;
    rest = above;
  } while (rest > 0);
  return text;
}
