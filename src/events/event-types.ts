import { NexusError } from "../errors.ts";
import { BUILT_IN_TYPES } from "./built-in-types.ts";
import type { EventDefinition } from "./definitions.ts";
import { checkDefinition, parserOfDefinition } from "./event-type.ts";
import { canonicalJson, jsonFault, utf8Bytes } from "./json.ts";
import type { Parser } from "./schema.ts";
import { similarNames } from "./similar.ts";

/** How an event type is shown. */
export interface EventTypeRecord {
  readonly name: string;
  readonly version: number;
  readonly description?: string;
  /** JSON Schema of the data that is taken; `{}` when anything goes, or the schema's library does not tell. */
  readonly schema: object;
  /** JSON Schema of the data that is recorded, where it is another: defaults are filled in. */
  readonly recordedSchema?: object;
  /** Only Nexus records it. */
  readonly builtIn?: true;
}

export interface RegisteredEventType {
  readonly record: EventTypeRecord;
  /** The same text for the same schemas: what decides whether a definition needs a higher version. */
  readonly canonical: string;
  /** Absent when anything goes. */
  readonly parser: Parser | undefined;
}

/** What is known of event types from before this process. */
export interface EarlierEventTypes {
  /** @throws EVENT_TYPE_EXISTS */
  check(type: RegisteredEventType): void;
}

/** Far larger than what people write; it has to fit one value of State, twice. */
const SCHEMA_BYTES = 256 * 1024;
const SCHEMA_NESTING = 100;

/** The event types of an app, by name. */
export class EventTypes {
  readonly #types = new Map<string, RegisteredEventType>();
  #earlier: EarlierEventTypes | undefined;

  /**
   * Registers a definition, in place of an older one of its name.
   *
   * @returns it, or `undefined` when all that is shown of it was registered before.
   * @throws EVENT_TYPE_EXISTS when its schema differs and its version is not higher · EVENT_TYPE_INVALID · SCHEMA_INVALID; then nothing has changed.
   */
  add(definition: EventDefinition): RegisteredEventType | undefined {
    checkDefinition(definition);
    const type = registered(definition);
    const { name, version, description } = type.record;
    const known = this.#types.get(name);
    if (known !== undefined && (version < known.record.version || (version === known.record.version && type.canonical !== known.canonical)))
      throw new NexusError("EVENT_TYPE_EXISTS", { type: name, version: known.record.version });
    this.#earlier?.check(type);
    this.#types.set(name, type);
    const same = version === known?.record.version && description === known.record.description;
    return same ? undefined : type;
  }

  /** From now on definitions also agree with those from before. @throws EVENT_TYPE_EXISTS when one does not; then nothing has changed. */
  agreeWith(earlier: EarlierEventTypes): void {
    for (const type of this.#types.values()) earlier.check(type);
    this.#earlier = earlier;
  }

  get(name: string): RegisteredEventType | undefined {
    return this.#types.get(name);
  }

  /** How a type is shown, also a built-in one. @throws EVENT_TYPE_NOT_FOUND with names like it. */
  shown(name: string): EventTypeRecord {
    const record = this.#types.get(name)?.record ?? builtIn().find((each) => each.name === name);
    if (record !== undefined) return record;
    const eventType = String(name).slice(0, 128);
    const similar = this.similar(eventType);
    const meant = similar.length > 0 ? ` Did you mean ${similar.join(" or ")}?` : "";
    throw new NexusError("EVENT_TYPE_NOT_FOUND", { eventType, similar }, { detail: `There is no event type ${eventType}.${meant}` });
  }

  /** All types as they are shown: the registered ones by name, then the built-in ones. */
  allShown(): readonly EventTypeRecord[] {
    const own = this.all().map(({ record }) => record);
    return [...own.sort((a, b) => (a.name < b.name ? -1 : 1)), ...builtIn()];
  }

  /** In the order of their first registration. */
  all(): readonly RegisteredEventType[] {
    return [...this.#types.values()];
  }

  similar(name: string): readonly string[] {
    return similarNames(name, this.#types.keys());
  }
}

function builtIn(): EventTypeRecord[] {
  return Object.entries(BUILT_IN_TYPES).map(([name, { says, data }]) => ({
    name,
    version: 1,
    description: says,
    schema: data,
    builtIn: true,
  }));
}

function registered(definition: EventDefinition): RegisteredEventType {
  const { name, version, description } = definition;
  const parser = parserOfDefinition(definition);
  const schema = plainSchema(name, parser?.jsonSchema ?? {});
  const recorded = plainSchema(name, parser?.outputSchema ?? {});
  const differs = canonicalJson(schema) !== canonicalJson(recorded);
  const schemas = { schema, ...(differs && { recordedSchema: recorded }) };
  return {
    record: { name, version, ...(description !== undefined && { description }), ...schemas },
    canonical: canonicalJson(schemas),
    parser,
  };
}

/** A schema as it is now, whatever its owner does to it afterwards. @throws SCHEMA_INVALID for one that cannot be kept. */
function plainSchema(name: string, schema: object): object {
  const text = JSON.stringify(schema);
  const fault = jsonFault(JSON.parse(text), SCHEMA_NESTING);
  const bytes = utf8Bytes(text);
  if (fault !== undefined) throw new NexusError("SCHEMA_INVALID", { reason: `that of ${name} at ${fault.path}: ${fault.message}` });
  if (bytes > SCHEMA_BYTES)
    throw new NexusError("SCHEMA_INVALID", { reason: `that of ${name} has ${bytes} bytes of JSON, and ${SCHEMA_BYTES} are taken` });
  return JSON.parse(text) as object;
}
