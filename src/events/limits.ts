import { type Fault, NexusError, type RunError } from "../errors.ts";
import { type JsonObject, jsonFault, utf8Bytes } from "./json.ts";

/** How large what is recorded may be, in bytes of UTF-8 JSON; and how deep. */
export interface Limits {
  /** `data` of a custom event. */
  readonly dataBytes: number;
  /** `inputs`, and the result of a run: each. */
  readonly resultBytes: number;
  readonly metadataBytes: number;
  /** How many objects and arrays may stand inside one another. */
  readonly nesting: number;
  /** How often one caller may call, where callers are known: as a burst, what it has not used for two seconds. */
  readonly callsPerSecond: number;
  /** How many streams and WebSockets one caller may have open, where callers are known. */
  readonly streams: number;
  /** How many connections a server of its own has at once. */
  readonly connections: number;
  /** How long a request may take to send its headers, and to arrive as a whole: in milliseconds. */
  readonly headersMs: number;
  readonly requestMs: number;
  /** How long whoever asked may take nothing of its answer. */
  readonly stuckMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  dataBytes: 256 * 1024,
  resultBytes: 256 * 1024,
  metadataBytes: 16 * 1024,
  nesting: 64,
  callsPerSecond: 2_000,
  streams: 1_000,
  connections: 16_384,
  headersMs: 10_000,
  requestMs: 30_000,
  stuckMs: 30_000,
};
export const STEP_RESULT_BYTES: number = 4 * 1024 * 1024;
const ERROR_BYTES = 32 * 1024;

/** @throws EVENT_INVALID with the path of what is not JSON · EVENT_TOO_LARGE @returns its JSON, and that one's size in bytes. */
export function checkData(type: string, data: unknown, limits: Limits): { readonly json: string; readonly bytes: number } {
  const fault = jsonFault(data, limits.nesting);
  if (fault !== undefined)
    throw new NexusError("EVENT_INVALID", { type, faults: [{ path: under("data", fault.path), message: fault.message }] });
  const json = JSON.stringify(data);
  const bytes = utf8Bytes(json);
  if (bytes > limits.dataBytes) throw new NexusError("EVENT_TOO_LARGE", { bytes, limit: limits.dataBytes, part: "data" });
  return { json, bytes };
}

/** @throws EVENT_INVALID · EVENT_TOO_LARGE */
export function checkMetadata(type: string, metadata: unknown, limits: Limits): asserts metadata is JsonObject | undefined {
  if (metadata === undefined) return;
  const fault: Fault | undefined =
    typeof metadata !== "object" || metadata === null || Array.isArray(metadata)
      ? { path: "", message: "is not an object" }
      : jsonFault(metadata, limits.nesting);
  if (fault !== undefined)
    throw new NexusError("EVENT_INVALID", { type, faults: [{ path: under("metadata", fault.path), message: fault.message }] });
  const bytes = utf8Bytes(JSON.stringify(metadata));
  if (bytes > limits.metadataBytes) throw new NexusError("EVENT_TOO_LARGE", { bytes, limit: limits.metadataBytes, part: "metadata" });
}

/**
 * The result of a step or run as its JSON.
 *
 * @returns `undefined` for no value, which is recorded as no `result`.
 * @throws RESULT_INVALID with path, or size and limit.
 */
export function resultText(result: unknown, limit: number, nesting: number): string | undefined {
  if (result === undefined) return undefined;
  const fault = jsonFault(result, nesting);
  if (fault !== undefined) {
    throw new NexusError(
      "RESULT_INVALID",
      { path: fault.path, reason: fault.message },
      { detail: `${under("result", fault.path)}: ${fault.message}` },
    );
  }
  const text = JSON.stringify(result);
  const bytes = utf8Bytes(text);
  if (bytes > limit)
    throw new NexusError(
      "RESULT_INVALID",
      { path: "", bytes, limit },
      { detail: `The result has ${bytes} bytes of JSON, and ${limit} are taken.` },
    );
  return text;
}

/** What was thrown, as it is recorded: 32 KiB at most, cut at the end. */
export function runErrorOf(thrown: unknown, step?: string): RunError {
  const error = describe(thrown);
  const whole: RunError = { ...error, ...(step !== undefined && { step }) };
  if (utf8Bytes(JSON.stringify(whole)) <= ERROR_BYTES) return whole;
  // Half of it for the message at most; the stack gets what that leaves.
  const { stack, ...rest } = whole;
  const message = cut(whole.message, ERROR_BYTES / 2);
  const room = ERROR_BYTES - utf8Bytes(JSON.stringify({ ...rest, message, stack: "", truncated: true }));
  return { ...rest, message, ...(stack !== undefined && { stack: cut(stack, room) }), truncated: true };
}

/** What there is to say of an error in little room: no stack, and so many bytes of message at most. */
export function shortError({ name, message, code }: RunError, bytes: number): RunError {
  return { name: cut(name, 64), message: cut(message, bytes), ...(code !== undefined && { code: cut(code, 64) }) };
}

function describe(thrown: unknown): RunError {
  try {
    return described(thrown);
  } catch {
    // A getter that throws, an object without a text: whoever threw it is not to bring down who hears of it.
    return { name: "Error", message: "something was thrown that cannot be described" };
  }
}

function described(thrown: unknown): RunError {
  if (!(thrown instanceof Error)) return { name: "Error", message: wellFormed(textOf(thrown)) };
  const { code } = thrown as { code?: unknown };
  return {
    name: wellFormed(String(thrown.name).slice(0, 200)),
    message: wellFormed(String(thrown.message)),
    ...(typeof code === "string" && { code: wellFormed(code.slice(0, 200)) }),
    ...(typeof thrown.stack === "string" && { stack: wellFormed(thrown.stack) }),
  };
}

function textOf(thrown: unknown): string {
  if (typeof thrown === "string") return thrown;
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    // A cycle, a BigInt: there is still something to say of it.
    return String(thrown);
  }
}

/** The beginning of a text that, as a JSON string, takes no more than so many bytes. */
function cut(text: string, bytes: number): string {
  let [fits, tooLong] = [0, text.length + 1];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >>> 1;
    if (utf8Bytes(JSON.stringify(text.slice(0, middle).toWellFormed())) - 2 <= bytes) fits = middle;
    else tooLong = middle;
  }
  return wellFormed(text.slice(0, fits));
}

function wellFormed(text: string): string {
  return text.toWellFormed();
}

function under(root: string, path: string): string {
  return path === "" ? root : `${root}.${path}`;
}
