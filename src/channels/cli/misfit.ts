import type { Fault } from "../../errors.ts";
import type { JsonObject } from "../../events/json.ts";
import { cross, faultLines, WRONG_USAGE } from "./failure.ts";
import { misspelling } from "./inputs.ts";
import { say } from "./output.ts";
import { plain } from "./safe-text.ts";

/** Says what does not fit a schema. @param what did not fit what: `inputs do not fit import-orders`. @returns the exit code. */
export function misfit(what: string, schema: JsonObject | undefined, given: JsonObject, faults: readonly Fault[]): number {
  const required = new Set(schema?.required as readonly string[] | undefined);
  // Each schema library has its own words for what is simply not there.
  const told = faults.map((fault) =>
    required.has(fault.path) && !Object.hasOwn(given, fault.path) ? { ...fault, message: "is required" } : fault,
  );
  say(cross(plain(what)));
  for (const line of faultLines(told, misspelling(schema, given))) say(line);
  return WRONG_USAGE;
}
