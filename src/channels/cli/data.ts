import type { JsonObject, JsonValue } from "../../events/json.ts";
import { misuse } from "./failure.ts";
import { readPairsBy } from "./inputs.ts";
import { readJson } from "./values.ts";

export interface DataOptions {
  /** `-d key=value`, once for each. */
  readonly d?: readonly string[];
  /** `--data`, whole JSON; what `-d` gives is laid over it. */
  readonly data?: string;
}

/** The data that a command line gives. @param schema that its fields are read by; where there is none, what reads as JSON is JSON. */
export async function readData(options: DataOptions, schema?: JsonObject): Promise<JsonValue> {
  const whole = options.data === undefined ? {} : await readJson("--data", options.data);
  if (options.d === undefined) return whole;
  if (!isObject(whole)) throw misuse("--data", "is not a JSON object, so -d has nowhere to go");
  return { ...whole, ...(await readPairsBy(schema, "-d", options.d)) };
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
