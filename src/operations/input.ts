import type { TObject } from "typebox";
import { Compile, type Validator } from "typebox/schema";
import { type Fault, NexusError } from "../errors.ts";

const validators: WeakMap<TObject, Validator> = new WeakMap();

/** @throws REQUEST_INVALID with every fault's path. */
export function checkInput(schema: TObject, value: Readonly<Record<string, unknown>>): void {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Compile(schema);
    validators.set(schema, validator);
  }
  if (validator.Check(value)) return;
  const [, errors] = validator.Errors(value);
  const faults = errors.filter((error) => error.keyword !== "boolean").flatMap(faultsOf);
  throw new NexusError("REQUEST_INVALID", { faults });
}

/** Query values are text: numbers and booleans as the schema wants them. What does not fit stays text, and is refused as that. */
export function coerced(schema: TObject, given: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, text]) => {
      const { type } = (schema.properties[name] ?? {}) as { type?: string };
      return [name, type === "integer" && /^-?\d{1,15}$/.test(text) ? Number(text) : text];
    }),
  );
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

function faultsOf({ keyword, instancePath, params, message }: SchemaError): Fault[] {
  const path = instancePath.split("/").slice(1).join(".");
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
