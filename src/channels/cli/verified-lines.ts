import type { Verified } from "../../stores/upkeep.ts";
import { count, size } from "./amount.ts";
import { faultLines } from "./failure.ts";
import { plain } from "./safe-text.ts";
import { table } from "./table.ts";

/** What was found in a file, in numbers. */
export function verifiedLines({ file, version, known, bytes, events, first, last, cursor, index, state }: Verified): string[] {
  const span = first === undefined || last === undefined ? "" : `, ${first} to ${last}`;
  const place = cursor === undefined ? "" : `, up to ${plain(cursor)}`;
  const older = version < known ? `; the next start makes it version ${known}` : "";
  return table([
    [plain(file), `version ${version}, ${size(bytes)}${older}`],
    ["  log", `${count(events, "event")}${span}${place}`],
    ["  index", index === undefined ? "not looked at" : `${count(index.entries, "entry", "entries")} under ${count(index.keys, "key")}`],
    ["  state", state === undefined ? "not looked at" : `${count(state.values, "value")}, ${count(state.places, "place")} of the log`],
  ]);
}

/** What is wrong with it, one fault a line. */
export function foundLines({ faults, moreFaults }: Pick<Verified, "faults" | "moreFaults">): string[] {
  return [...faultLines(faults), ...(moreFaults > 0 ? [`    and ${count(moreFaults, "more", "more")}`] : [])];
}
