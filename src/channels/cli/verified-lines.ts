import type { Verified } from "../../stores/upkeep.ts";
import { count, size } from "./amount.ts";
import { faultLines } from "./failure.ts";
import { plain } from "./safe-text.ts";
import { table } from "./table.ts";

/** What was found in a file, in numbers. */
export function verifiedLines(found: Verified): string[] {
  const { file, version, known, bytes, index, state } = found;
  const older = version < known ? `; the next start makes it version ${known}` : "";
  return table([
    [plain(file), `version ${version}, ${size(bytes)}${older}`],
    ["  log", eventsIn(found)],
    ["  index", index === undefined ? "not looked at" : indexLine(index)],
    ["  state", state === undefined ? "not looked at" : `${count(state.values, "value")}, ${count(state.places, "place")} of the log`],
  ]);
}

function indexLine({ entries, keys, behind }: NonNullable<Verified["index"]>): string {
  const says = `${count(entries, "entry", "entries")} under ${count(keys, "key")}`;
  if (behind === 0) return says;
  const newest = behind === 1 ? "the newest event is" : `the newest ${count(behind, "event")} are`;
  return `${says}; ${newest} indexed when it is opened`;
}

/** How many events, and up to where. */
export function eventsIn({ events, first, last, cursor }: Pick<Verified, "events" | "first" | "last" | "cursor">): string {
  const span = first === undefined || last === undefined ? "" : `, ${first} to ${last}`;
  return `${count(events, "event")}${span}${cursor === undefined ? "" : `, up to ${plain(cursor)}`}`;
}

/** What is wrong with it, one fault a line. */
export function foundLines({ faults, moreFaults }: Pick<Verified, "faults" | "moreFaults">): string[] {
  return [...faultLines(faults), ...(moreFaults > 0 ? [`    and ${count(moreFaults, "more", "more")}`] : [])];
}
