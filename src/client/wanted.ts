import { NexusError } from "../errors.ts";
import type { Cursor } from "../events/event.ts";
import type { Filter } from "../events/filter.ts";
import type { Query } from "./call.ts";

/** A filter as its JSON. */
export function filterJson({ fields, broadcast }: Filter): Readonly<Record<string, string | readonly string[]>> {
  return { ...Object.fromEntries(fields), ...(broadcast !== undefined && { broadcast }) };
}

/** A filter in a query. */
export function filterQuery(filter: Filter): Query {
  return { ...filterJson(filter), since: filter.since, until: filter.until };
}

/** A place as it stands on the wire. @throws CURSOR_INVALID */
export function placeText(place: Cursor | Date): string {
  if (!(place instanceof Date)) return place;
  if (!Number.isFinite(place.getTime())) throw new NexusError("CURSOR_INVALID", { cursor: "Invalid Date" });
  return `time:${place.toISOString()}`;
}
