import { NexusError } from "../errors.ts";
import { CHANNELS, type Channel } from "../events/event.ts";
import { type JsonObject, jsonFault, utf8Bytes } from "../events/json.ts";

const DATA_BYTES = 64 * 1024;
const SHORTEST_TTL_MS = 1_000;
const LONGEST_TTL_MS = 366 * 24 * 3_600_000;

/** @throws EVENT_INVALID with the path of what is no JSON object @returns a copy: what its owner does to it afterwards changes nothing. */
export function checkObject(type: string, field: string, value: unknown, nesting: number): JsonObject {
  const fault =
    typeof value !== "object" || value === null || Array.isArray(value)
      ? { path: "", message: "is not an object" }
      : jsonFault(value, nesting);
  if (fault === undefined) return JSON.parse(JSON.stringify(value)) as JsonObject;
  const path = fault.path === "" ? field : `${field}.${fault.path}`;
  throw new NexusError("EVENT_INVALID", { type, faults: [{ path, message: fault.message }] });
}

/** @param part what is measured: the data of a session, or changes to it. @throws SESSION_TOO_LARGE */
export function checkSize(part: "data" | "changes", value: JsonObject): void {
  const bytes = utf8Bytes(JSON.stringify(value));
  if (bytes > DATA_BYTES) throw new NexusError("SESSION_TOO_LARGE", { part, bytes, limit: DATA_BYTES });
}

/** @throws OPTION_INVALID */
export function checkTtl(ttlMs: number): void {
  if (Number.isInteger(ttlMs) && ttlMs >= SHORTEST_TTL_MS && ttlMs <= LONGEST_TTL_MS) return;
  const reason = `${String(ttlMs)} is not a whole number of milliseconds from ${SHORTEST_TTL_MS} to ${LONGEST_TTL_MS}`;
  throw new NexusError("OPTION_INVALID", { option: "ttlMs", reason });
}

/** @throws OPTION_INVALID */
export function checkChannel(channel: Channel): void {
  if (CHANNELS.includes(channel)) return;
  throw new NexusError("OPTION_INVALID", { option: "channel", reason: `it is none of ${CHANNELS.join(", ")}` });
}

/** @throws OPTION_INVALID for an option that there is not. */
export function checkNames(options: object, known: readonly string[]): void {
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    throw new NexusError("OPTION_INVALID", { option, reason: `there is no such option; there are ${known.join(", ")}` });
  }
}
