export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue | undefined };

/** Deeper than anything that is taken. */
const COPIED_NESTING = 1_000;

/** Why a value is not JSON, and where; the first fault found. */
export interface JsonFault {
  readonly path: string;
  readonly message: string;
}

/**
 * Finds what JSON could not carry unchanged: functions, symbols, BigInt, NaN, infinities, lone surrogates, cycles, class instances, too deep nesting.
 *
 * @param nesting how many objects and arrays may stand inside one another.
 * @returns the first fault, or `undefined` when the value is plain JSON. Properties that are `undefined` are absent, as in JSON.stringify.
 */
export function jsonFault(value: unknown, nesting: number): JsonFault | undefined {
  return find(value, "", nesting, []);
}

function find(value: unknown, path: string, room: number, above: object[]): JsonFault | undefined {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? undefined : { path, message: "has a lone surrogate, which is not text" };
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : { path, message: `${value} is not JSON` };
    case "object":
      return value === null ? undefined : findInside(value, path, room, above);
    case "undefined":
      return { path, message: "is undefined, which is not JSON" };
    default:
      return { path, message: `a ${typeof value} is not JSON` };
  }
}

function findInside(value: object, path: string, room: number, above: object[]): JsonFault | undefined {
  if (room === 0) return { path, message: "is nested too deep" };
  if (above.includes(value)) return { path, message: "is a cycle" };
  above.push(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== (Array.isArray(value) ? Array.prototype : Object.prototype) && prototype !== null) {
    return { path, message: `a ${value.constructor?.name ?? "class instance"} would be changed by JSON: use plain data` };
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const fault = find(value[i], path === "" ? String(i) : `${path}.${i}`, room - 1, above);
      if (fault !== undefined) return fault;
    }
  } else {
    for (const key in value) {
      const item = (value as Record<string, unknown>)[key];
      if (item === undefined) continue;
      if (!key.isWellFormed()) return { path, message: "has a key with a lone surrogate" };
      const fault = find(item, path === "" ? key : `${path}.${key}`, room - 1, above);
      if (fault !== undefined) return fault;
    }
  }
  above.pop();
  return undefined;
}

/** The value as it is now: what its owner does to it afterwards changes nothing. What is not JSON stays what it is, for whoever refuses it with its path. */
export function jsonCopy(value: unknown): unknown {
  return jsonFault(value, COPIED_NESTING) === undefined ? JSON.parse(JSON.stringify(value)) : value;
}

/** The same text for the same JSON value, whatever the order of its keys. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

/** Length of a text in bytes of UTF-8. */
export function utf8Bytes(text: string): number {
  // A browser has no Buffer, which is the faster one.
  return typeof Buffer === "undefined" ? new TextEncoder().encode(text).length : Buffer.byteLength(text, "utf8");
}
