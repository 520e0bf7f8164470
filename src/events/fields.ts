import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { JsonObject, JsonValue } from "./json.ts";

export type Fields = { readonly [field: string]: keyof FieldTypes | `${keyof FieldTypes}?` };
export interface FieldTypes {
  string: string;
  integer: number;
  float: number;
  number: number;
  boolean: boolean;
  array: readonly JsonValue[];
  object: JsonObject;
  any: JsonValue;
}

export const FIELD_TYPES: readonly (keyof FieldTypes)[] = ["string", "integer", "float", "number", "boolean", "array", "object", "any"];

const JSON_TYPES: Readonly<Record<keyof FieldTypes, object>> = {
  string: { type: "string" },
  integer: { type: "integer" },
  float: { type: "number" },
  number: { type: "number" },
  boolean: { type: "boolean" },
  array: { type: "array" },
  object: { type: "object" },
  any: {},
};

/** The shorthand as a Standard Schema: each key a field, each value its type, with `?` if it may be absent; further fields are allowed. */
export function fieldsSchema(fields: Fields): StandardSchemaV1<unknown, unknown> {
  const rules = Object.entries(fields).map(([field, spec]) => ({
    field,
    type: spec.replace(/\?$/, "") as keyof FieldTypes,
    optional: spec.endsWith("?"),
  }));
  const required = rules.filter((rule) => !rule.optional).map((rule) => rule.field);
  const properties = Object.fromEntries(rules.map((rule) => [rule.field, JSON_TYPES[rule.type]]));
  const described = (): object => ({ type: "object", properties, required });
  const standard = {
    version: 1 as const,
    vendor: "nexus",
    validate: (value: unknown): StandardSchemaV1.Result<unknown> => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return { issues: [{ message: "is not an object" }] };
      const issues: StandardSchemaV1.Issue[] = [];
      for (const { field, type, optional } of rules) {
        const item = Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined;
        if (item === undefined) {
          if (!optional) issues.push({ path: [field], message: "is required" });
        } else if (!fits(item, type)) issues.push({ path: [field], message: `is not ${article(type)}` });
      }
      return issues.length > 0 ? { issues } : { value };
    },
    jsonSchema: { input: described, output: described },
  };
  return { "~standard": standard };
}

function fits(value: unknown, type: keyof FieldTypes): boolean {
  switch (type) {
    case "string":
    case "boolean":
      return typeof value === type;
    case "integer":
      return Number.isInteger(value);
    case "float":
    case "number":
      return typeof value === "number";
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "any":
      return true;
  }
}

function article(type: string): string {
  return `${/^[aio]/.test(type) ? "an" : "a"} ${type}`;
}
