import { NexusError } from "../../errors.ts";

const CONTROLS = ["after", "before", "limit", "order", "waitMs", "onLoss", "lastEventId"];
const SINGLE = ["since", "until", "broadcast"];

/** A query string taken apart: the filter, and the controls beside it. */
export interface FilterQuery {
  readonly filter: Readonly<Record<string, unknown>>;
  readonly controls: Readonly<Record<string, string>>;
}

/**
 * Reads a filter and its controls from a query: values are decoded, then split at commas; repeating a field adds values.
 *
 * @param allowed the controls that mean something here.
 * @throws FILTER_INVALID for a control that means nothing here, or is repeated. Fields are the filter's to refuse.
 */
export function readFilterQuery(search: URLSearchParams, allowed: readonly string[]): FilterQuery {
  const fields: Record<string, string[]> = Object.create(null);
  const controls: Record<string, string> = Object.create(null);
  for (const [name, value] of search) {
    if (!CONTROLS.includes(name)) {
      fields[name] = [...(fields[name] ?? []), ...value.split(",")];
      continue;
    }
    if (!allowed.includes(name)) throw invalid(name, "it means nothing here");
    if (name in controls) throw invalid(name, "it stands twice");
    controls[name] = value;
  }
  // A moment, and what to do with broadcasts, is one value, not a list.
  const filter = Object.fromEntries(
    Object.entries(fields).map(([name, values]) => [name, SINGLE.includes(name) ? values.join(",") : values]),
  );
  return { filter, controls };
}

/** A query without a filter: each name once. @throws FILTER_INVALID */
export function readQuery(search: URLSearchParams): Readonly<Record<string, string>> {
  const given: Record<string, string> = Object.create(null);
  for (const [name, value] of search) {
    if (name in given) throw invalid(name, "it stands twice");
    given[name] = value;
  }
  return given;
}

function invalid(field: string, reason: string): NexusError {
  return new NexusError("FILTER_INVALID", { field, reason }, { detail: `${field}: ${reason}` });
}
