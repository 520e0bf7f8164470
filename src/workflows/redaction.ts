import { NexusError, type RunError } from "../errors.ts";
import type { JsonValue } from "../events/json.ts";

/** Paths such as `inputs.card`, with `*` for any key or element; or a function that says of each value whether it is one. */
export type Redact = readonly string[] | ((path: string, value: JsonValue) => boolean);

/** What of a run a path begins with. `result` is that of the run, and of each of its steps. */
export type Part = "inputs" | "result" | "error" | "metadata";
const PARTS: readonly string[] = ["inputs", "result", "error", "metadata"] satisfies readonly Part[];
export const REDACTED = "[redacted]";

/** What was taken out of a value: where it stood, and what it was. */
export type Taken = readonly (readonly [path: readonly string[], value: unknown])[];

/** A place in a value, as the one who redacts sees it. */
interface Place {
  isSecret(value: unknown): boolean;
  /** @returns `undefined` when nothing below it is. */
  at(key: string): Place | undefined;
}

/** Takes secrets out of what is recorded of runs. */
export interface Redaction {
  /** @param value plain JSON; it stays as it is. @returns it as it may be recorded, and what that lacks. */
  apply<T>(part: Part, value: T): { readonly recorded: T; readonly taken: Taken };
}

/** @throws OPTION_INVALID for what is no path. */
export function redactionOf(redact: Redact | undefined): Redaction | undefined {
  if (redact === undefined || (Array.isArray(redact) && redact.length === 0)) return undefined;
  const rootOf = typeof redact === "function" ? (part: Part) => asked(redact, part) : pathsFrom(redact as readonly string[]);
  return {
    apply: (part, value) => {
      const taken: [readonly string[], unknown][] = [];
      const recorded = without(value, rootOf(part), [], part === "result", taken);
      return { recorded: recorded as typeof value, taken };
    },
  };
}

/** An error as it may be recorded. A stack begins with the message: it goes with it. */
export function redactedError(redaction: Redaction | undefined, error: RunError): RunError {
  if (redaction === undefined) return error;
  const { step, truncated, ...told } = error;
  const { recorded } = redaction.apply("error", told);
  const stack = recorded.message === REDACTED && recorded.stack !== undefined ? REDACTED : recorded.stack;
  return {
    ...recorded,
    ...(stack !== undefined && { stack }),
    ...(step !== undefined && { step }),
    ...(truncated !== undefined && { truncated }),
  };
}

/** Puts back what was taken out. @param recorded plain JSON, and the caller's own: it is changed. */
export function restored(recorded: unknown, taken: Taken): unknown {
  let whole = recorded;
  for (const [path, value] of taken) {
    const last = path.at(-1);
    if (last === undefined) whole = value;
    else {
      const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, whole as Record<string, unknown>);
      // Not an assignment: a key may be `__proto__`.
      Object.defineProperty(parent, last, { value, writable: true, enumerable: true, configurable: true });
    }
  }
  return whole;
}

function without(
  value: unknown,
  place: Place | undefined,
  path: readonly string[],
  mayBeSecret: boolean,
  taken: [readonly string[], unknown][],
): unknown {
  if (place === undefined) return value;
  if (mayBeSecret && place.isSecret(value)) {
    taken.push([path, value]);
    return REDACTED;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, without(item, place.at(key), [...path, key], true, taken)] as const);
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}

function pathsFrom(redact: readonly string[]): (part: Part) => Place | undefined {
  const paths = redact.map(keysOf);
  return (part) => listed(paths.filter(([root]) => root === part).map((keys) => keys.slice(1)));
}

/** @param rests what is left of the paths that lead here. */
function listed(rests: readonly (readonly string[])[]): Place | undefined {
  if (rests.length === 0) return undefined;
  return {
    isSecret: () => rests.some((rest) => rest.length === 0),
    at: (key) => listed(rests.filter(([next]) => next === key || next === "*").map((rest) => rest.slice(1))),
  };
}

function asked(redact: (path: string, value: JsonValue) => boolean, path: string): Place {
  return {
    isSecret: (value) => {
      try {
        return redact(path, value as JsonValue);
      } catch {
        // Whoever cannot tell is not to give anything away.
        return true;
      }
    },
    at: (key) => asked(redact, `${path}.${key}`),
  };
}

function keysOf(path: string): readonly string[] {
  const keys = typeof path === "string" ? path.split(".") : [];
  const [root = "", ...rest] = keys;
  const reason = !PARTS.includes(root)
    ? `it does not begin with ${PARTS.join(", ")}`
    : rest.includes("")
      ? "it has an empty name"
      : rest.length === 0 && root !== "result"
        ? `only a result can be redacted as a whole: use ${root}.*`
        : undefined;
  if (reason !== undefined) throw new NexusError("OPTION_INVALID", { option: `redact: ${String(path).slice(0, 200)}`, reason });
  return keys;
}
