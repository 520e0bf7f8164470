import type { TObject } from "typebox";
import type { Validator } from "typebox/schema";
import { NexusError } from "../errors.ts";
import { compiled, faultsOf } from "../events/json-schema.ts";

const validators: WeakMap<TObject, Validator> = new WeakMap();

/** @throws REQUEST_INVALID with every fault's path. */
export function checkInput(schema: TObject, value: Readonly<Record<string, unknown>>): void {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = compiled(schema);
    validators.set(schema, validator);
  }
  const faults = faultsOf(validator, value);
  if (faults.length > 0) throw new NexusError("REQUEST_INVALID", { faults });
}

/** Query values are text: whole numbers where the schema wants them. What does not fit stays text, and is refused as that. */
export function coerced(schema: TObject, given: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, text]) => {
      const { type } = (schema.properties[name] ?? {}) as { type?: string };
      return [name, type === "integer" && /^-?\d{1,15}$/.test(text) ? Number(text) : text];
    }),
  );
}
