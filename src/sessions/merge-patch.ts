import type { JsonObject, JsonValue } from "../events/json.ts";

/**
 * What a JSON Merge Patch makes of an object: `null` removes a field, an object is merged into the one that is there, anything else replaces it.
 *
 * @see RFC 7396, section 2
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonObject): JsonObject {
  // Not by assignment: a field may have any name, `__proto__` too.
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) merged.delete(field);
    else if (value !== undefined) merged.set(field, isObject(value) ? mergePatch(merged.get(field), value) : value);
  }
  return Object.fromEntries(merged);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
