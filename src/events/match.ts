import type { NexusEvent } from "./event.ts";
import { canonicalJson, type JsonObject } from "./json.ts";

/** Whether these fields of an event's `data` have these values. */
export function matches(event: NexusEvent, match: JsonObject | undefined): boolean {
  if (match === undefined) return true;
  const { data } = event;
  if (typeof data !== "object" || data === null) return false;
  return Object.entries(match).every(
    ([field, value]) => Object.hasOwn(data, field) && canonicalJson((data as JsonObject)[field]) === canonicalJson(value),
  );
}
