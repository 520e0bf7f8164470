import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type Fault, NexusError } from "../errors.ts";
import type { Refused } from "./definitions.ts";
import { FIELD_TYPES, type Fields, type FieldTypes, fieldsSchema } from "./fields.ts";
import type { JsonValue } from "./json.ts";

/** Any Standard Schema (Zod, Valibot, ArkType), or the shorthand. A bare object is always the shorthand: a field may be called `type`. */
export type Schema = StandardSchemaV1 | Fields;
type FieldsData<F> = {
  readonly [K in keyof F as F[K] extends `${string}?` ? never : K]: F[K] extends keyof FieldTypes ? FieldTypes[F[K]] : never;
} & {
  readonly [K in keyof F as F[K] extends `${string}?` ? K : never]?: F[K] extends `${infer T extends keyof FieldTypes}?`
    ? FieldTypes[T]
    : never;
};
export type SchemaInput<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : FieldsData<S>;
export type SchemaOutput<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : FieldsData<S>;

/** What JSON.stringify takes; whether it comes back unchanged is checked when it is recorded. */
export type JsonInput = Readonly<Record<string, any>> | readonly any[] | string | number | boolean | null;
type Json<T> = unknown extends T
  ? T
  : T extends JsonValue | undefined | void
    ? T
    : T extends bigint | symbol | Date | RegExp | Error | ReadonlyMap<any, any> | ReadonlySet<any> | ((...args: never) => unknown)
      ? Refused<"not JSON">
      : { [Key in keyof T]: Json<T[Key]> };
/** Intersected with a parameter, because a constraint `T extends Json<T>` is circular (TS2313). */
export type Plain<T> = [T] extends [Json<T>] ? unknown : Refused<"JSON would change this value: return plain data">;
export type JsonInputOf<S> = S &
  ([SchemaInput<S>] extends [Json<SchemaInput<S>>]
    ? unknown
    : Refused<"inputs arrive as JSON: z.coerce.date() or z.iso.datetime(), not z.date()">);
export type JsonOutput<S> = S &
  ([SchemaOutput<S>] extends [Json<SchemaOutput<S>>]
    ? unknown
    : Refused<"the schema's output must be JSON: z.iso.datetime(), not z.date()">);

export type Parsed = { readonly value: unknown; readonly faults?: undefined } | { readonly faults: readonly Fault[] };

/** A schema made ready: what checks values, and what tells others how they look. */
export interface Parser {
  /** @returns the schema's output, or every fault with its path. */
  parse(value: unknown): Parsed;
  /** JSON Schema 2020-12 of what is accepted; `{}` when the schema's library does not tell. */
  readonly jsonSchema: object;
  /** The same of the schema's output: defaults are there, what is converted is what it became. */
  readonly outputSchema: object;
}

/**
 * Makes a schema ready.
 *
 * @throws SCHEMA_INVALID for what is neither a Standard Schema nor the shorthand, and for a schema that validates asynchronously.
 */
export function parserOf(schema: Schema): Parser {
  const standard = isStandard(schema) ? schema : fieldsSchema(checkFields(schema));
  const parse = (value: unknown): Parsed => {
    const result = validated(standard, value);
    if (result instanceof Promise) {
      result.catch(() => {}); // Its outcome is not wanted; unheard, its failure would end the process.
      throw new NexusError("SCHEMA_INVALID", { reason: "it validates asynchronously, or its own code throws" });
    }
    if (result.issues === undefined) return { value: result.value };
    return { faults: result.issues.map((issue) => ({ path: (issue.path ?? []).map(segment).join("."), message: issue.message })) };
  };
  parse({}); // An asynchronous schema shows itself here, or with the first value that gets as far as its asynchronous part.
  return { parse, jsonSchema: jsonSchemaOf(standard, "input"), outputSchema: jsonSchemaOf(standard, "output") };
}

/** A schema whose own code throws at a value does not take it. */
function validated(standard: StandardSchemaV1, value: unknown): ReturnType<StandardSchemaV1["~standard"]["validate"]> {
  try {
    return standard["~standard"].validate(value);
  } catch (error) {
    return { issues: [{ message: `the schema failed: ${error instanceof Error ? error.message : String(error)}` }] };
  }
}

function isStandard(schema: Schema): schema is StandardSchemaV1 {
  return ((typeof schema === "object" && schema !== null) || typeof schema === "function") && "~standard" in schema;
}

function checkFields(schema: unknown): Fields {
  if (typeof schema !== "object" || schema === null)
    throw new NexusError("SCHEMA_INVALID", { reason: "it is neither a Standard Schema nor an object of fields" });
  for (const [field, type] of Object.entries(schema)) {
    if (typeof type !== "string" || !FIELD_TYPES.includes(type.replace(/\?$/, "") as keyof FieldTypes)) {
      throw new NexusError("SCHEMA_INVALID", { reason: `field ${field} is none of ${FIELD_TYPES.join(", ")}, with ? if it may be absent` });
    }
  }
  return schema as Fields;
}

function segment(part: PropertyKey | StandardSchemaV1.PathSegment): string {
  return String(typeof part === "object" ? part.key : part);
}

function jsonSchemaOf(schema: StandardSchemaV1, side: "input" | "output"): object {
  const { jsonSchema } = schema["~standard"] as { jsonSchema?: { [Side in typeof side]: (options: { target: string }) => object } };
  if (jsonSchema === undefined) return {};
  try {
    return jsonSchema[side]({ target: "draft-2020-12" });
  } catch {
    // The library has no JSON Schema for this one (a transform, say): it is still checked, just not described.
    return {};
  }
}
