import { type Fault, NexusError } from "../errors.ts";
import { readTraceparent } from "../observability/trace.ts";
import { isCallerId } from "./id.ts";
import { type JsonObject, type JsonValue, jsonFault } from "./json.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { timeOf } from "./time.ts";

/** A CloudEvent from elsewhere, as it is recorded. */
export interface IncomingEvent {
  /** The body of an emission. */
  readonly input: {
    readonly type: string;
    readonly data: JsonValue;
    readonly id: string;
    readonly sessionId?: string;
    readonly metadata: JsonObject;
    readonly broadcast?: boolean;
  };
  /** What surrounds it: where it says that it comes from something, that is kept. */
  readonly context: { readonly correlationId?: string; readonly causationId?: string; readonly traceparent?: string };
}

/** Attributes that are no extension, and none of an event's own fields: kept in its metadata as they came. */
const KEPT = ["source", "subject", "time", "dataschema", "datacontenttype"];
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;.*)?$/;
const PLAIN_JSON = /^application\/json\s*(;|$)/i;
/** A URI reference has none of these. */
const NOT_IN_URI = /[\s\p{Cc}<>"{}|\\^`]/u;

/** An event with more has a mistake that shows in these. */
const MOST_FAULTS = 100;

/**
 * Reads a CloudEvent 1.0: its attributes and `data` (or `data_base64`) in one object, as the JSON format has them.
 *
 * @param path stands before the path of each fault.
 * @throws CLOUDEVENT_INVALID with every fault, a hundred at most.
 * @see docs/cloudevents.md for what becomes of each attribute; CloudEvents 1.0.2
 */
export function incomingEvent(given: unknown, path = ""): IncomingEvent {
  const faults: Fault[] = [];
  const fault = (name: string, message: string): void => {
    if (faults.length < MOST_FAULTS) faults.push({ path: path === "" ? name : `${path}${name === "" ? "" : `.${name}`}`, message });
  };
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    fault("", "is not an object");
    throw new NexusError("CLOUDEVENT_INVALID", { faults });
  }
  // In JSON an attribute that is null is one that is not there.
  const { data, data_base64: bytes, ...rest } = given as Readonly<Record<string, unknown>>;
  const attributes = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined));
  checkAttributes(attributes, fault);
  const content = contentOf(data, bytes, attributes["datacontenttype"], fault);
  const event = eventOf(attributes, content, fault);
  if (faults.length > 0) throw new NexusError("CLOUDEVENT_INVALID", { faults });
  return event;
}

type Report = (name: string, message: string) => void;
type Attributes = Readonly<Record<string, unknown>>;

function checkAttributes(attributes: Attributes, fault: Report): void {
  for (const required of ["specversion", "id", "source", "type"]) if (attributes[required] === undefined) fault(required, "is required");
  for (const [name, value] of Object.entries(attributes)) {
    if (!/^[a-z0-9]+$/.test(name)) fault(name, "is no name of an attribute, which has lower-case letters and digits");
    else if (["specversion", "id", "type", ...KEPT].includes(name)) {
      if (typeof value !== "string" || value === "") fault(name, "is not a text, or an empty one");
    } else if (typeof value !== "string" && typeof value !== "boolean" && !isInt32(value)) {
      fault(name, "is not a text, true, false or a whole number of 32 bits");
    }
  }
  const { specversion, id, source, time, datacontenttype } = attributes;
  if (typeof specversion === "string" && specversion !== "1.0") fault("specversion", "is not 1.0");
  if (typeof id === "string" && id !== "" && !isCallerId(id)) fault("id", CALLER_ID);
  if (typeof source === "string" && NOT_IN_URI.test(source)) fault("source", "is not a URI or a reference of one");
  if (typeof time === "string" && timeOf(time, { whole: true }) === undefined) fault("time", "is not a time of RFC 3339");
  if (typeof datacontenttype === "string" && !MEDIA_TYPE.test(datacontenttype)) fault("datacontenttype", "is not a media type");
}

const CALLER_ID = "is not 1 to 128 printable ASCII characters without space and comma";

function isInt32(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31;
}

/** What an event carries: JSON as it is, text as a text, and anything else as base64. */
interface Content {
  readonly data: JsonValue;
  readonly isBase64?: boolean;
}

function contentOf(data: unknown, bytes: unknown, type: unknown, fault: Report): Content {
  if (bytes === undefined || bytes === null) return { data: (data ?? null) as JsonValue };
  if (data !== undefined && data !== null) fault("data_base64", "stands beside data: there is one or the other");
  const decoded = bytes instanceof Uint8Array ? bytes : base64(bytes);
  if (decoded === undefined) {
    fault("data_base64", "is not base64");
    return { data: null };
  }
  const text = utf8(decoded);
  if (typeof type !== "string" || !isJson(type)) return text === undefined ? { data: base64Of(decoded), isBase64: true } : { data: text };
  try {
    return { data: JSON.parse(text ?? "\u0000") as JsonValue };
  } catch (error) {
    fault("data", `is not the JSON that its type announces: ${text === undefined ? "it is not UTF-8" : (error as Error).message}`);
    return { data: null };
  }
}

function eventOf(attributes: Attributes, content: Content, fault: Report): IncomingEvent {
  const {
    specversion: _version,
    id,
    type,
    sessionid,
    correlationid,
    causationid,
    traceparent,
    broadcast,
    metadata,
    ...others
  } = attributes;
  const ids = { sessionid, correlationid, causationid };
  for (const [name, value] of Object.entries(ids)) if (value !== undefined && !isCallerId(value)) fault(name, CALLER_ID);
  const loud = broadcast === true || broadcast === "true";
  if (!loud && broadcast !== undefined && broadcast !== false && broadcast !== "false") fault("broadcast", "is not true or false");
  const trace = typeof traceparent === "string" ? readTraceparent(traceparent) : undefined;
  const told = objectIn(metadata);
  const { datacontenttype } = others;
  const kept = {
    ...others,
    // That of most, which says nothing.
    ...(typeof datacontenttype === "string" && PLAIN_JSON.test(datacontenttype) && { datacontenttype: undefined }),
    ...(content.isBase64 === true && { dataencoding: "base64" }),
    ...(trace === undefined && { traceparent }),
    ...(told === undefined && { metadata }),
  };
  return {
    input: {
      id: id as string,
      type: type as string,
      data: content.data,
      metadata: { ...told, ...prefixed(kept) },
      ...(sessionid !== undefined && { sessionId: sessionid as string }),
      ...(loud && { broadcast: true }),
    },
    context: {
      ...(correlationid !== undefined && { correlationId: correlationid as string }),
      ...(causationid !== undefined && { causationId: causationid as string }),
      ...(trace !== undefined && { traceparent: trace }),
    },
  };
}

function prefixed(attributes: Attributes): JsonObject {
  const present = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [`ce_${name}`, value as JsonValue]));
}

/** The metadata of an event that was Nexus's before. */
function objectIn(text: unknown): JsonObject | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    // Ours could be recorded once.
    const isOurs =
      typeof value === "object" && value !== null && !Array.isArray(value) && jsonFault(value, DEFAULT_LIMITS.nesting) === undefined;
    return isOurs ? (value as JsonObject) : undefined;
  } catch {
    return undefined; // Somebody else's, kept as the text that it is.
  }
}

/** Whether a media type is one of JSON. */
function isJson(type: string): boolean {
  return /^[^\s;]+[/+]json\s*(;|$)/i.test(type);
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function base64(text: unknown): Uint8Array | undefined {
  if (typeof text !== "string" || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, "base64");
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
