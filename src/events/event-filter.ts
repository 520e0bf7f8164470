import type { Workflow } from "./definitions.ts";
import type { Channel } from "./event.ts";
import { type Filter, parseFilter } from "./filter.ts";

type OneOrMore<T> = T | readonly T[];

/** The one filter, on every channel: all that is given must hold; in a list, any. */
export interface EventFilter<T = string, W = Workflow | string> {
  readonly type?: OneOrMore<T> | undefined;
  readonly workflow?: OneOrMore<W> | undefined;
  readonly channel?: OneOrMore<Channel> | undefined;
  readonly runId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly userId?: string | undefined;
  readonly correlationId?: string | undefined;
  /** "include": what matches, and every broadcast; "only": what matches and is one. */
  readonly broadcast?: "include" | "only" | undefined;
}

/**
 * Reads a filter as in-process callers write it: definitions stand for their names.
 *
 * @param others names of options beside the filter, which are left out; anything else is no field.
 * @throws FILTER_INVALID
 */
export function filterOf(options: object, others: readonly string[] = [], times = false): Filter {
  const fields = Object.entries(options).filter(([field, value]) => value !== undefined && !others.includes(field));
  const named = fields.map(([field, value]) => [field, field === "type" || field === "workflow" ? namesOf(value) : value] as const);
  return parseFilter(Object.fromEntries(named), { times });
}

function namesOf(value: unknown): unknown {
  return Array.isArray(value) ? value.map(nameOf) : nameOf(value);
}

/** The name of a definition; a name as it is. */
export function nameOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "name" in value ? value.name : value;
}
