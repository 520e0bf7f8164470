import { NexusError } from "../errors.ts";
import { jsonFault, utf8Bytes } from "../events/json.ts";

const KEY_BYTES = 512;
const KEY = /^[A-Za-z0-9_=-]+(?:\/[A-Za-z0-9_=-]+)*$/;
const VALUE_BYTES = 768 * 1024;
/** Deep enough for whatever wraps an event's data, which may be nested 64 deep. */
const VALUE_NESTING = 128;

/** @throws STATE_INVALID for a key that State does not take. */
export function checkKey(key: string): void {
  if (key.length > KEY_BYTES) throw invalid(key, `is longer than ${KEY_BYTES} bytes`);
  if (!KEY.test(key)) throw invalid(key, "is not segments of [A-Za-z0-9_=-] joined by /");
}

/**
 * The value as JSON, read at once: what its owner does to it afterwards changes nothing.
 *
 * @throws STATE_INVALID for a value that is not plain JSON, or too large.
 */
export function valueText(key: string, value: unknown): string {
  const fault = jsonFault(value, VALUE_NESTING);
  if (fault !== undefined) throw invalid(key, `${fault.path === "" ? "the value" : fault.path} ${fault.message}`);
  const text = JSON.stringify(value);
  const bytes = utf8Bytes(text);
  if (bytes > VALUE_BYTES) throw invalid(key, `the value has ${bytes} bytes of JSON, and ${VALUE_BYTES} are taken`);
  return text;
}

/**
 * Compares the revision that is there (0: none) with the one a caller expects.
 *
 * @throws STATE_CONFLICT
 */
export function checkRevision(key: string, there: number, expected: number | undefined): void {
  if (expected !== undefined && expected !== there) throw new NexusError("STATE_CONFLICT", { key, revision: there });
}

function invalid(key: string, reason: string): NexusError {
  return new NexusError("STATE_INVALID", { key, reason }, { detail: `${key}: ${reason}` });
}
