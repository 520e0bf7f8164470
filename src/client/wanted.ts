import { NexusError } from "../errors.ts";
import type { Cursor } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import { timeText } from "../events/time.ts";
import type { Query } from "./call.ts";

/** A filter as its JSON. */
export function filterJson({ fields, broadcast }: Filter): Readonly<Record<string, string | readonly string[]>> {
  return { ...Object.fromEntries(fields), ...(broadcast !== undefined && { broadcast }) };
}

/** A filter in a query. */
export function filterQuery(filter: Filter): Query {
  return { ...filterJson(filter), since: wholeMs(filter.since), until: wholeMs(filter.until) };
}

/** Times of events are whole milliseconds since the epoch: what lies between two of them picks the same as the later one. */
function wholeMs(time: number | undefined): number | undefined {
  return time === undefined ? undefined : Math.min(Math.max(0, Math.ceil(time)), Number.MAX_SAFE_INTEGER);
}

/** A place as it stands on the wire. @throws CURSOR_INVALID */
export function placeText(place: Cursor | Date): string {
  if (!(place instanceof Date)) return place;
  if (!Number.isFinite(place.getTime())) throw new NexusError("CURSOR_INVALID", { cursor: "Invalid Date" });
  return `time:${timeText(place)}`;
}
