import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import Database from "better-sqlite3";

/*
 * Decides, from what was written down, whether anyone missed anything. It knows the documented wire and the tables of the file, and uses no code of the product:
 * what is wrong there must not be wrong here in the same way.
 */

/** An event as it is on the wire, or as the file has it. */
export interface Seen {
  readonly id: string;
  readonly sequence: number;
  readonly cursor: string;
  readonly type: string;
  readonly timestamp: number;
  readonly [field: string]: unknown;
}

/** One line of a reader's record. */
export type Line =
  | { readonly kind: "event"; readonly event: Seen }
  /** Nothing matched up to here. */
  | { readonly kind: "place"; readonly cursor: string }
  /** It was told that its place is gone, and goes on from another. */
  | { readonly kind: "told"; readonly reason: string; readonly from: string }
  /** Whatever should not have happened to it. */
  | { readonly kind: "fault"; readonly fault: string };

/** What a client wrote down: what it tried, before it was sent, and the answer. */
export type Sending =
  | { readonly kind: "try"; readonly id: string; readonly type: string; readonly data: unknown }
  | { readonly kind: "receipt"; readonly id: string; readonly sequence: number }
  | { readonly kind: "fault"; readonly fault: string };

/** The log as the file has it. */
export interface Slice {
  /** Everything up to here was forgotten by retention. */
  readonly floor: number;
  readonly events: readonly Seen[];
}

/** What is wrong; nothing is when all lists are empty. */
export interface Findings {
  /** Recorded, and not seen. */
  readonly missing: readonly string[];
  /** Seen again. */
  readonly repeated: readonly string[];
  /** Seen, and not recorded. */
  readonly foreign: readonly string[];
  /** Seen otherwise than it is recorded. */
  readonly altered: readonly string[];
  /** Seen after one that comes behind it. */
  readonly misplaced: readonly string[];
  readonly faults: readonly string[];
}

export const NOTHING_WRONG: Findings = { missing: [], repeated: [], foreign: [], altered: [], misplaced: [], faults: [] };

/** The JSON lines of a file. The last may be cut short: whoever wrote it was killed. */
export function linesOf<T>(file: string): readonly T[] {
  const text = readFileSync(file, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

/** Reads a file that no process holds any more, as it is. @throws when it is damaged. */
export function sliceOf(file: string): Slice {
  const db = new Database(file, { readonly: true });
  try {
    const sound = db.pragma("integrity_check", { simple: true });
    if (sound !== "ok") throw new Error(`${file}: ${String(sound)}`);
    const meta = (name: string): unknown => db.prepare("SELECT value FROM meta WHERE name = ?").pluck().get(name);
    const rows = db.prepare("SELECT sequence, timestamp, id, body FROM events ORDER BY sequence").all() as {
      readonly sequence: number;
      readonly timestamp: number;
      readonly id: string | Buffer;
      readonly body: string;
    }[];
    const events = rows.map(({ sequence, timestamp, id: stored, body }) => {
      const id = typeof stored === "string" ? stored : uuidOf(stored);
      const cursor = `${String(meta("epoch"))}.${sequence}.${crc32(id).toString(36)}`;
      return { ...(JSON.parse(body) as { type: string }), id, sequence, timestamp, cursor };
    });
    return { floor: Number(meta("floor")), events };
  } finally {
    db.close();
  }
}

/** Whether the log holds together by itself: sequences without a gap, ids once, times that never fall. */
export function checkLog({ floor, events }: Slice): Findings {
  const found = findings();
  const ids = new Set<string>();
  for (const [n, { id, sequence, timestamp }] of events.entries()) {
    if (sequence !== floor + 1 + n) found.missing.push(`before ${sequence}`);
    if (ids.has(id)) found.repeated.push(id);
    if (timestamp < (events[n - 1]?.timestamp ?? 0)) found.misplaced.push(`${id} at ${timestamp}`);
    ids.add(id);
  }
  return found;
}

/**
 * Whether a reader saw just what the log holds of what it asked for, in order, each once.
 *
 * @param events of the log that match.
 * @param options.forgetful the log forgets its oldest events: then a reader may be told so, and goes on from another place. What lies between is no loss.
 */
export function checkReader(lines: readonly Line[], events: readonly Seen[], options: { readonly forgetful?: boolean } = {}): Findings {
  const found = findings();
  const bySequence = new Map(events.map((event) => [event.sequence, event]));
  const seen = new Set<number>();
  const toldOf: (readonly [number, number])[] = [];
  let last = 0;
  for (const line of lines) {
    if (line.kind === "fault") found.faults.push(line.fault);
    if (line.kind === "told") {
      if (options.forgetful === true) toldOf.push([last, sequenceOf(line.from)]);
      else found.faults.push(`told that its place is gone: ${line.reason}`);
    }
    if (line.kind !== "event") continue;
    const { event } = line;
    const recorded = bySequence.get(event.sequence);
    if (recorded === undefined) found.foreign.push(named(event));
    else if (canonical(recorded) !== canonical(event)) found.altered.push(named(event));
    if (seen.has(event.sequence)) found.repeated.push(named(event));
    else if (event.sequence < last) found.misplaced.push(named(event));
    seen.add(event.sequence);
    last = Math.max(last, event.sequence);
  }
  for (const event of events) {
    if (seen.has(event.sequence) || toldOf.some(([after, to]) => event.sequence > after && event.sequence <= to)) continue;
    found.missing.push(named(event));
  }
  return found;
}

/** Whether all that clients were told is recorded is so, under its id and its sequence, with the data that was sent, once; and nothing that nobody sent. */
export function checkSendings(sendings: readonly Sending[], events: readonly Seen[]): Findings {
  const found = findings();
  const byId = new Map(events.map((event) => [event.id, event]));
  const tried = new Map<string, Sending & { readonly kind: "try" }>();
  const answered = new Set<string>();
  for (const sending of sendings) {
    if (sending.kind === "fault") found.faults.push(sending.fault);
    if (sending.kind === "try") tried.set(sending.id, sending);
    if (sending.kind !== "receipt") continue;
    answered.add(sending.id);
    const recorded = byId.get(sending.id);
    if (recorded === undefined) found.missing.push(`${sending.id}, acknowledged as ${sending.sequence}`);
    else if (recorded.sequence !== sending.sequence) found.misplaced.push(`${named(recorded)}, acknowledged as ${sending.sequence}`);
  }
  for (const event of events) {
    const sent = tried.get(event.id);
    if (sent === undefined) found.foreign.push(named(event));
    else if (canonical([sent.type, sent.data]) !== canonical([event.type, event["data"]])) found.altered.push(named(event));
  }
  for (const id of tried.keys()) if (!answered.has(id)) found.faults.push(`${id} was never answered`);
  return found;
}

export function findings(): { -readonly [List in keyof Findings]: string[] } {
  return { missing: [], repeated: [], foreign: [], altered: [], misplaced: [], faults: [] };
}

export function named({ sequence, id, type }: Seen): string {
  return `${sequence} ${type} ${id}`;
}

/** JSON with the keys of every object in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}

/** The sequence in a cursor: `<epoch>.<sequence>[.<check>]`. */
function sequenceOf(cursor: string): number {
  return Number(cursor.split(".")[1]);
}

function uuidOf(bytes: Buffer): string {
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
