import type { JsonObject, JsonValue } from "../../events/json.ts";
import { misuse } from "./failure.ts";
import { guess, readJson, readPairs } from "./values.ts";

export interface DataOptions {
  /** `-d key=value`, once for each. */
  readonly d?: readonly string[];
  /** `--data`, whole JSON; what `-d` gives is laid over it. */
  readonly data?: string;
}

/** The data that a command line gives: no schema describes it, so what reads as JSON is JSON. */
export async function readData(options: DataOptions): Promise<JsonValue> {
  const whole = options.data === undefined ? {} : await readJson("--data", options.data);
  const pairs = await readPairs("-d", options.d ?? []);
  if (pairs.length === 0) return whole;
  if (!isObject(whole)) throw misuse("--data", "is not a JSON object, so -d has nowhere to go");
  return { ...whole, ...Object.fromEntries(pairs.map(([key, text]) => [key, guess(text)])) };
}

/** The same, where only an object will do. */
export async function readFields(options: DataOptions): Promise<JsonObject> {
  const data = await readData(options);
  if (!isObject(data)) throw misuse("--data", "is not a JSON object");
  return data;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
