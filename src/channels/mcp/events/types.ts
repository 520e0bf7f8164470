import { INVALID_PARAMS, ProtocolError } from "@modelcontextprotocol/server";
import type { App } from "../../../app.ts";
import { relocated } from "../../../documents/schema-parts.ts";
import { NexusError } from "../../../errors.ts";
import type { EventTypeRecord } from "../../../events/event-types.ts";
import { type Filter, parseFilter } from "../../../events/filter.ts";
import { EVENT } from "../../../operations/answers.ts";
import { FILTER_FIELDS, filterFieldSchema } from "../../../operations/filter-fields.ts";
import { CODES } from "./codes.ts";

/** Any event; the others are one type each. */
const EVERY_TYPE = "nexus.event";
/** Of the built-in types those that a person would pick. */
const BUILT_IN = ["workflow.started", "workflow.completed", "workflow.failed", "workflow.cancelled"];
const TYPES_A_PAGE = 100;

/** What can be subscribed to. @param cursor of the page before. */
export function eventTypes(app: App, cursor: string | undefined): { readonly events: readonly object[]; readonly nextCursor?: string } {
  // A webhook is somebody's.
  const delivery = ["poll", "push", ...(app.access.caller === undefined ? [] : ["webhook"])];
  const types = [everyType(), ...app.eventTypes().filter(isOffered).map(oneType)].map((type) => ({ ...type, delivery }));
  const start = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isSafeInteger(start) || start < 0) throw new ProtocolError(INVALID_PARAMS, "This is no cursor of events/list.");
  const end = start + TYPES_A_PAGE;
  return { events: types.slice(start, end), ...(end < types.length && { nextCursor: String(end) }) };
}

/** The filter that a subscription's name and arguments stand for. @throws -32011 for a name that is not listed · FILTER_INVALID */
export function filterOf(app: App, name: string, given: Readonly<Record<string, unknown>>): Filter {
  // What an agent looks at shows broadcasts, too, unless it asks for something narrower.
  if (name === EVERY_TYPE) return parseFilter("type" in given || "broadcast" in given ? given : { ...given, broadcast: "include" });
  if (!app.eventTypes().some((type) => type.name === name && isOffered(type)))
    throw new ProtocolError(CODES.notFound, `There is no event type ${JSON.stringify(name.slice(0, 200))}.`, { kind: "event" });
  const other = ["type", "broadcast"].find((field) => field in given);
  if (other !== undefined) throw new NexusError("FILTER_INVALID", { field: other, reason: `the event type ${name} takes none` });
  return parseFilter({ ...given, type: name });
}

function isOffered({ name, builtIn }: EventTypeRecord): boolean {
  return builtIn !== true || BUILT_IN.includes(name);
}

function everyType(): object {
  return described(EVERY_TYPE, "Any event: narrow it by arguments.", EVENT, Object.keys(FILTER_FIELDS));
}

function oneType({ name, description, schema, recordedSchema = schema }: EventTypeRecord): object {
  const data = relocated(recordedSchema, "#/properties/data");
  const payload = { ...EVENT, properties: { ...EVENT.properties, type: { const: name }, data } };
  const fields = Object.keys(FILTER_FIELDS).filter((field) => field !== "type" && field !== "broadcast");
  return described(name, description ?? `Events of the type ${name}.`, payload, fields);
}

function described(name: string, description: string, payloadSchema: object, fields: readonly string[]): object {
  const properties = fields.map((field) => [field, filterFieldSchema(field)] as const);
  return {
    name,
    description,
    inputSchema: { type: "object", properties: Object.fromEntries(properties), additionalProperties: false },
    payloadSchema,
  };
}
