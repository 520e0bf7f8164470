import { type ErrorDetails, NexusError } from "../errors.ts";
import { CHANNELS, type NewEvent } from "./event.ts";
import { utf8Bytes } from "./json.ts";
import { timeOf } from "./time.ts";

/** The fields an event can be picked by that a store keeps an index for. */
export const INDEXED_FIELDS = ["type", "channel", "workflow", "runId", "sessionId", "userId", "correlationId"] as const;
export type IndexedField = (typeof INDEXED_FIELDS)[number];
type TimedEvent = NewEvent & { readonly timestamp: number };

/**
 * A filter that has been read and checked. Values of a field: any; fields: all; an event without the field does not match.
 * `key` is the same for filters that mean the same, so that readers can share work.
 */
export interface Filter {
  readonly key: string;
  /** For each field that is named, its values; `type` values may be `NAME`, `PREFIX.*` or `*`. */
  readonly fields: ReadonlyMap<IndexedField, readonly string[]>;
  readonly broadcast?: "include" | "only";
  /** since <= timestamp, in milliseconds since the epoch. */
  readonly since?: number;
  /** timestamp < until. */
  readonly until?: number;
  /** Whose rights narrow it, and what it is without them. */
  readonly seen?: { readonly by: Sight; readonly of: Filter };
  matches(event: TimedEvent): boolean;
}

/** What one of several users may see of a log. */
export interface Sight {
  readonly userId: string;
  /** True for every public event, and for nothing else but some of this user's own: a store may look for those alone. */
  sees(event: Pick<NewEvent, "userId" | "visibility">): boolean;
}

const VALUES_A_FIELD = 64;
const BYTES = 8192;
const TYPE_PATTERN = /^(?:\*|[A-Za-z0-9_.-]{1,128}|[A-Za-z0-9_.-]{1,126}\.\*)$/;

/** Everything matches. */
export const EVERYTHING: Filter = make(new Map(), undefined, undefined, undefined);

/**
 * Reads a filter from JSON: a value is a string or a non-empty array of strings.
 *
 * @param options.times whether `since` and `until` are allowed: only where a bounded read is made.
 * @throws FILTER_INVALID naming the field and the reason.
 */
export function parseFilter(input: Readonly<Record<string, unknown>>, options?: { readonly times?: boolean }): Filter {
  const fields = new Map<IndexedField, readonly string[]>();
  let broadcast: "include" | "only" | undefined;
  let since: number | undefined;
  let until: number | undefined;
  let bytes = 0;
  for (const [field, value] of Object.entries(input)) {
    if (value === undefined) continue;
    if (field === "since" || field === "until") {
      if (options?.times !== true) throw invalid(field, "only a bounded read takes it; elsewhere use after=time:<RFC 3339>");
      const instant = parseInstant(field, value);
      if (field === "since") since = instant;
      else until = instant;
      continue;
    }
    if (field === "broadcast") {
      broadcast = broadcastIn(value);
      continue;
    }
    const values = valuesOf(field, value);
    bytes += values.reduce((sum, text) => sum + utf8Bytes(text), field.length);
    if (bytes > BYTES) throw invalid(field, `the filter is larger than ${BYTES} bytes`);
    if (isIndexed(field)) {
      checkValues(field, values);
      fields.set(field, values);
    } else throw invalid(field, `there is no such field; there are ${INDEXED_FIELDS.join(", ")}, broadcast, since, until`);
  }
  return make(fields, broadcast, since, until);
}

/** Whether these can be types, or patterns of types. @throws FILTER_INVALID naming the field. */
export function checkTypes(field: string, values: readonly string[]): void {
  const other = values.find((value) => !TYPE_PATTERN.test(value));
  if (other !== undefined) throw invalid(field, `${JSON.stringify(other)} is not NAME, PREFIX.* or *`);
}

/** The filter as one user's rights narrow it: checked after it, for each event. */
export function seenBy(filter: Filter, sight: Sight | undefined): Filter {
  if (sight === undefined) return filter;
  return {
    ...filter,
    key: JSON.stringify([filter.key, sight.userId]),
    seen: { by: sight, of: filter },
    matches: (event) => filter.matches(event) && sight.sees(event),
  };
}

/** A moment as it may be written: RFC 3339 with a zone, milliseconds since the epoch, or a Date. */
export function parseInstant(field: string, value: unknown): number {
  if (value instanceof Date && Number.isFinite(value.getTime())) return value.getTime();
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "string") {
    if (/^\d{1,16}$/.test(value)) return Number(value);
    const time = timeOf(value);
    if (time !== undefined) return time;
  }
  throw invalid(field, "is RFC 3339 with a zone (2026-11-23T10:00:00Z) or milliseconds since the epoch");
}

/** One value, not a list: in a query as in JSON. */
function broadcastIn(value: unknown): "include" | "only" {
  const [only, ...more]: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (more.length > 0 || (only !== "include" && only !== "only")) throw invalid("broadcast", 'is "include" or "only"');
  return only;
}

function valuesOf(field: string, value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw invalid(field, "is empty");
  if (list.length > VALUES_A_FIELD) throw invalid(field, `has more than ${VALUES_A_FIELD} values`);
  for (const item of list) {
    if (typeof item !== "string") throw invalid(field, "is a string or an array of strings");
    if (item === "") throw invalid(field, "has an empty value");
  }
  return [...new Set(list as readonly string[])];
}

function checkValues(field: IndexedField, values: readonly string[]): void {
  if (field === "type") checkTypes(field, values);
  for (const value of values) {
    if (field === "channel" && !(CHANNELS as readonly string[]).includes(value))
      throw invalid(field, `${JSON.stringify(value)} is not one of ${CHANNELS.join(", ")}`);
  }
}

function isIndexed(field: string): field is IndexedField {
  return (INDEXED_FIELDS as readonly string[]).includes(field);
}

function invalid(field: string, reason: string): NexusError {
  const details: ErrorDetails["FILTER_INVALID"] = { field, reason };
  return new NexusError("FILTER_INVALID", details, { detail: `${field}: ${reason}` });
}

/** The value of an indexed field in an event. */
export function fieldOf(event: NewEvent, field: IndexedField): string | undefined {
  return field === "workflow" ? event.workflowName : event[field];
}

/** Whether a type is what a pattern names: `a.*` is every type that begins with `a.`, at any depth, and not `a` itself. */
export function typeMatches(pattern: string, type: string): boolean {
  if (pattern === "*") return true;
  return pattern.endsWith(".*") ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
}

function make(
  fields: ReadonlyMap<IndexedField, readonly string[]>,
  broadcast: "include" | "only" | undefined,
  since: number | undefined,
  until: number | undefined,
): Filter {
  const tests: ((event: TimedEvent) => boolean)[] = [];
  for (const [field, values] of fields) {
    if (field === "type") {
      if (values.includes("*")) continue;
      const exact = new Set(values.filter((value) => !value.endsWith(".*")));
      const starts = values.filter((value) => value.endsWith(".*")).map((value) => value.slice(0, -1));
      tests.push((event) => exact.has(event.type) || starts.some((start) => event.type.startsWith(start)));
    } else if (values.length === 1) tests.push((event) => fieldOf(event, field) === values[0]);
    else {
      const set = new Set(values);
      tests.push((event) => {
        const value = fieldOf(event, field);
        return value !== undefined && set.has(value);
      });
    }
  }
  const inTime = (event: TimedEvent): boolean =>
    (since === undefined || event.timestamp >= since) && (until === undefined || event.timestamp < until);
  const all = (event: TimedEvent): boolean => tests.every((test) => test(event));
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1)).map(([field, values]) => [field, [...values].sort()]);
  return {
    key: JSON.stringify([sorted, broadcast ?? null, since ?? null, until ?? null]),
    fields,
    ...(broadcast !== undefined && { broadcast }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    matches: (event) => {
      if (!inTime(event)) return false;
      if (broadcast === "only") return event.broadcast === true && all(event);
      return all(event) || (broadcast === "include" && event.broadcast === true);
    },
  };
}
