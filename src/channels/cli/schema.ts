import type { JsonObject, JsonValue } from "../../events/json.ts";

/** What a JSON Schema says of one field, as far as a command line needs it. */
export interface Field {
  readonly name: string;
  readonly required: boolean;
  /** JSON types it may have; empty: any. */
  readonly types: readonly string[];
  /** The only values it may have, if they are named. */
  readonly values?: readonly JsonValue[];
  /** Of an array. */
  readonly items?: Field;
  readonly description?: string;
  readonly default?: JsonValue;
}

/** The fields of an object schema, in its order. */
export function fieldsOf(schema: JsonObject | undefined): Field[] {
  if (schema === undefined) return [];
  return partsOf(schema, schema).flatMap((part) => {
    const required = Array.isArray(part.required) ? (part.required as readonly JsonValue[]) : [];
    return Object.entries(objectIn(part.properties)).map(([name, value]) => fieldOf(name, value, required.includes(name), schema));
  });
}

/** What the schema says of a field of any other name. */
export function otherField(schema: JsonObject | undefined): Field | undefined {
  const other = schema?.additionalProperties;
  return schema !== undefined && typeof other === "object" ? fieldOf("", other, false, schema) : undefined;
}

/** How its values are written: `text`, `number`, `fast|slow`. */
export function spokenType(field: Field): string {
  if (field.values !== undefined) return field.values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join("|");
  if (field.items !== undefined && field.types.length === 1) return `array of ${spokenType(field.items)}`;
  return field.types.map((type) => (type === "string" ? "text" : type)).join("|") || "any";
}

function fieldOf(name: string, schema: JsonValue | undefined, required: boolean, root: JsonObject): Field {
  const parts = partsOf(schema, root);
  const first = <T extends JsonValue>(key: string): T | undefined => parts.find((part) => part[key] !== undefined)?.[key] as T | undefined;
  const [types, values, items] = [new Set(parts.flatMap(typesIn)), parts.flatMap(valuesIn), first<JsonObject>("items")];
  const [description, fallback] = [first<string>("description"), first("default")];
  return {
    name,
    required,
    types: [...types],
    ...(values.length > 0 && { values }),
    ...(items !== undefined && { items: fieldOf("", items, false, root) }),
    ...(typeof description === "string" && { description }),
    ...(fallback !== undefined && { default: fallback }),
  };
}

/** A schema and those it refers to or is made of. */
function partsOf(schema: JsonValue | undefined, root: JsonObject, above: readonly unknown[] = []): JsonObject[] {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema) || above.includes(schema)) return [];
  const part = schema as JsonObject;
  const within = [part.anyOf, part.oneOf, part.allOf].flatMap((list) => (Array.isArray(list) ? (list as readonly JsonValue[]) : []));
  if (typeof part.$ref === "string") within.push(pointed(part.$ref, root));
  return [part, ...within.flatMap((inner) => partsOf(inner, root, [...above, schema]))];
}

function pointed(ref: string, root: JsonObject): JsonValue {
  let at: JsonValue | undefined = ref.startsWith("#") ? root : undefined;
  for (const segment of ref.split("/").slice(1)) at = objectIn(at)[segment.replaceAll("~1", "/").replaceAll("~0", "~")];
  return at ?? null;
}

function typesIn(part: JsonObject): string[] {
  const { type } = part;
  return typeof type === "string" ? [type] : Array.isArray(type) ? (type as string[]) : [];
}

function valuesIn(part: JsonObject): readonly JsonValue[] {
  return Array.isArray(part.enum) ? (part.enum as JsonValue[]) : part.const !== undefined ? [part.const] : [];
}

function objectIn(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
