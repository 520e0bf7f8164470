import type { StandardSchemaV1 } from "@standard-schema/spec";
import { Compile, type Validator } from "typebox/schema";
import { type Fault, NexusError } from "../errors.ts";
import type { JsonValue } from "./json.ts";

/**
 * JSON Schema 2020-12 as a schema; `Data` is your word for what it admits.
 *
 * @throws SCHEMA_INVALID
 */
export function jsonSchema<Data = JsonValue>(schema: object): StandardSchemaV1<Data, Data> {
  const validator = compiled(schema);
  const standard = {
    version: 1 as const,
    vendor: "nexus",
    validate: (value: unknown): StandardSchemaV1.Result<Data> => {
      const faults = faultsOf(validator, value);
      if (faults.length === 0) return { value: value as Data };
      return { issues: faults.map(({ path, message }) => ({ path: path === "" ? [] : path.split("."), message })) };
    },
    jsonSchema: { input: (): object => schema, output: (): object => schema },
  };
  return { "~standard": standard };
}

/** @throws SCHEMA_INVALID */
export function compiled(schema: object): Validator {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema))
    throw new NexusError("SCHEMA_INVALID", { reason: "it is not an object" });
  try {
    return Compile(schema);
  } catch (cause) {
    throw new NexusError("SCHEMA_INVALID", { reason: (cause as Error).message }, { cause });
  }
}

/** Every fault of a value, with its path; none when it fits. */
export function faultsOf(validator: Validator, value: unknown): readonly Fault[] {
  if (validator.Check(value)) return [];
  const [, errors] = validator.Errors(value);
  // `boolean` says again what `additionalProperties` has said.
  return errors.filter(({ keyword }) => keyword !== "boolean").flatMap(faultOf);
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

function faultOf({ keyword, instancePath, params, message }: SchemaError): Fault[] {
  const path = instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
  const under = (name: string): string => (path === "" ? name : `${path}.${name}`);
  const { requiredProperties = [], additionalProperties = [] } = params as {
    requiredProperties?: readonly string[];
    additionalProperties?: readonly string[];
  };
  if (keyword === "required") return requiredProperties.map((name) => ({ path: under(name), message: "is required" }));
  if (keyword === "additionalProperties")
    return additionalProperties.map((name) => ({ path: under(name), message: "there is no such field" }));
  return [{ path, message }];
}
