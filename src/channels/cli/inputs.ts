import type { Fault } from "../../errors.ts";
import type { JsonObject, JsonValue } from "../../events/json.ts";
import { misuse } from "./failure.ts";
import { nearest } from "./nearest.ts";
import { plain } from "./safe-text.ts";
import { type Field, fieldsOf, otherField } from "./schema.ts";
import { guess, readJson, readPairs } from "./values.ts";

export interface InputOptions {
  /** `-i key=value`, once for each. */
  readonly i?: readonly string[];
  /** `--inputs`, whole JSON; what `-i` gives is laid over it. */
  readonly inputs?: string;
}

/** The inputs that a command line gives, each as the workflow's schema reads it. Whether they fit is the server's to say. */
export async function readInputs(schema: JsonObject | undefined, options: InputOptions): Promise<JsonObject> {
  const whole = options.inputs === undefined ? {} : await readJson("--inputs", options.inputs);
  if (typeof whole !== "object" || whole === null || Array.isArray(whole)) throw misuse("--inputs", "is not a JSON object");
  return { ...(whole as JsonObject), ...(await readPairsBy(schema, "-i", options.i ?? [])) };
}

/** What `key=value` arguments give, each as a schema reads it. @param option that they stand behind. */
export async function readPairsBy(schema: JsonObject | undefined, option: string, pairs: readonly string[]): Promise<JsonObject> {
  const texts = new Map<string, string[]>();
  for (const [key, text] of await readPairs(option, pairs)) texts.set(key, [...(texts.get(key) ?? []), text]);
  const known = new Map(fieldsOf(schema).map((field) => [field.name, field]));
  const given = [...texts].map(([key, values]) => [key, valueOf(option, key, values, known.get(key) ?? otherField(schema))] as const);
  return Object.fromEntries(given);
}

/** A field given once is one value; given several times, or as what is no JSON array, it is the items of an array. */
function valueOf(option: string, key: string, texts: readonly string[], field: Field | undefined): JsonValue {
  const [text = ""] = texts;
  if (field?.types.includes("array") === true && (texts.length > 1 || !text.trimStart().startsWith("["))) {
    const only = field.types.every((type) => type === "array");
    if (only || texts.length > 1) return texts.map((item) => coerce(item, field.items));
  }
  if (texts.length > 1) throw misuse(option, `${key} is given twice, and is not an array`);
  return coerce(text, field);
}

/**
 * Text as the schema would have it: a number where it says number, text where it says text.
 * What the schema has no word for is JSON if it reads as JSON; what does not read as the schema says stays text, for the server to refuse.
 */
export function coerce(text: string, field: Field | undefined): JsonValue {
  const named = field?.values?.find((value) => value === text || (typeof value !== "string" && JSON.stringify(value) === text));
  if (named !== undefined) return named;
  const types = field?.types ?? [];
  if (types.length === 0) return guess(text);
  const value = guess(text);
  const type = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  return types.includes(type) || (type === "number" && types.includes("integer")) ? (type === "string" ? text : value) : text;
}

/** What to say beside a fault: that a field which is missing was given under a name much like it. */
export function misspelling(schema: JsonObject | undefined, inputs: JsonObject): (fault: Fault) => string {
  const known = new Set(fieldsOf(schema).map((field) => field.name));
  const strays = Object.keys(inputs).filter((key) => !known.has(key));
  return (fault) => {
    if (!known.has(fault.path) || Object.hasOwn(inputs, fault.path)) return "";
    const stray = nearest(fault.path, strays);
    return stray === undefined ? "" : `(there is ${plain(stray)}: did you mean ${plain(fault.path)}?)`;
  };
}
