import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { JsonValue } from "../../events/json.ts";
import { misuse } from "./failure.ts";

/** Reads `key=value` arguments, in order. A value `@file` is what the file holds; `@@…` is text that begins with one @. */
export async function readPairs(option: string, args: readonly string[]): Promise<[key: string, text: string][]> {
  const pairs: [string, string][] = [];
  for (const arg of args) {
    const equals = arg.indexOf("=");
    if (equals < 1) throw misuse(option, `${JSON.stringify(arg)} is not key=value`);
    const value = arg.slice(equals + 1);
    pairs.push([arg.slice(0, equals), await textOf(option, value)]);
  }
  return pairs;
}

/** Reads one whole JSON value: as typed, from `@file`, or from standard input with `-`. */
export async function readJson(option: string, arg: string): Promise<JsonValue> {
  const source = arg === "-" ? await text(process.stdin) : await textOf(option, arg);
  try {
    return parsed(source);
  } catch (error) {
    throw misuse(option, `is not JSON: ${(error as Error).message}`);
  }
}

/** Collects an option that may be given several times. */
export function several(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Text that reads as JSON is that; any other is itself, and so is a number that JSON would change. For values that no schema describes. */
export function guess(source: string): JsonValue {
  try {
    const value = parsed(source);
    return typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER ? source : value;
  } catch {
    return source;
  }
}

/** What is too large for a number would be sent as null. */
function parsed(source: string): JsonValue {
  return JSON.parse(source, (_name, value: unknown) => {
    if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError("a number in it is too large");
    return value;
  }) as JsonValue;
}

async function textOf(option: string, value: string): Promise<string> {
  if (value.startsWith("@@")) return value.slice(1);
  if (!value.startsWith("@")) return value;
  try {
    return await readFile(value.slice(1), "utf8");
  } catch (error) {
    throw misuse(option, (error as Error).message);
  }
}
