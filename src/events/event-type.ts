import { NexusError } from "../errors.ts";
import { isReserved, type Reserved } from "./built-in.ts";
import type { EventDefinition, Refused } from "./definitions.ts";
import type { NexusEvent } from "./event.ts";
import type { JsonValue } from "./json.ts";
import { isName } from "./name.ts";
import { type JsonInput, type JsonOutput, type Parser, parserOf, type Schema, type SchemaInput, type SchemaOutput } from "./schema.ts";

export type CustomName<Name extends string> = Name & (Name extends Reserved ? Refused<"this prefix belongs to built-in events"> : unknown);
export interface EventTypeOptions {
  readonly description?: string;
  /** Default 1. */
  readonly version?: number;
}

const OPTIONS: readonly string[] = ["description", "schema", "version"];

/** Where a definition keeps its parser, if it has one: out of its JSON, and out of sight of its users. */
const parsers: WeakMap<object, Parser | undefined> = new WeakMap();

/**
 * A typed event as a value, for emitting, filtering and reading; recorded is the schema's output.
 *
 * @param name `[A-Za-z0-9_.-]{1,128}`, without a reserved prefix.
 * @throws EVENT_TYPE_INVALID · SCHEMA_INVALID · OPTION_INVALID
 */
export function defineEvent<Name extends string, S extends Schema>(
  name: CustomName<Name>,
  options: EventTypeOptions & { readonly schema: JsonOutput<S> },
): EventDefinition<Name, SchemaInput<S>, SchemaOutput<S>>;
export function defineEvent<Name extends string>(
  name: CustomName<Name>,
  options?: EventTypeOptions,
): EventDefinition<Name, JsonInput, JsonValue>;
export function defineEvent(name: string, options: EventTypeOptions & { readonly schema?: Schema } = {}): EventDefinition {
  checkCustomType(name);
  for (const option of Object.keys(options)) {
    if (!OPTIONS.includes(option))
      throw new NexusError("OPTION_INVALID", { option, reason: `there is no such option; there are ${OPTIONS.join(", ")}` });
  }
  const { description, version = 1, schema } = options;
  if (description !== undefined && typeof description !== "string")
    throw new NexusError("OPTION_INVALID", { option: "description", reason: "it is not text" });
  if (!Number.isInteger(version) || version < 1)
    throw new NexusError("EVENT_TYPE_INVALID", { type: name, reason: "its version is not a whole number from 1" });
  const definition: EventDefinition = {
    kind: "event",
    name,
    version,
    ...(description !== undefined && { description }),
    is: (event): event is NexusEvent<string, any> => event.type === name,
  };
  parsers.set(definition, schema === undefined ? undefined : parserOf(schema));
  return definition;
}

/** What checks the data of a definition's events; `undefined` when anything goes. */
export function parserOfDefinition(definition: EventDefinition): Parser | undefined {
  return parsers.get(definition);
}

export function isEventDefinition(value: unknown): value is EventDefinition {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "event";
}

/** @throws EVENT_TYPE_INVALID for what `defineEvent` did not make: nothing would check its events. */
export function checkDefinition(definition: unknown): asserts definition is EventDefinition {
  if (isEventDefinition(definition) && parsers.has(definition)) return;
  const { name } = (definition ?? {}) as { name?: unknown };
  const type = String(name).slice(0, 200);
  throw new NexusError("EVENT_TYPE_INVALID", { type, reason: "it was not made by defineEvent of this copy of the package" });
}

/** @throws EVENT_TYPE_INVALID for a type that nobody may emit by hand. */
export function checkCustomType(type: string): void {
  if (!isName(type)) {
    throw new NexusError("EVENT_TYPE_INVALID", { type: String(type).slice(0, 200), reason: "it is not 1 to 128 of A-Z a-z 0-9 _ . -" });
  }
  if (isReserved(type))
    throw new NexusError("EVENT_TYPE_INVALID", { type, reason: "its prefix belongs to events that Nexus records by itself" });
}
