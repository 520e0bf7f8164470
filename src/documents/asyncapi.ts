import Type, { type TObject } from "typebox";
import type { EventTypeRecord } from "../events/event-types.ts";
import { EVENT } from "../operations/answers.ts";
import { STREAMS } from "../operations/table.ts";
import type { Server } from "./openapi.ts";
import { SchemaParts } from "./schema-parts.ts";

const CURSOR = Type.String();
const RESUME: TObject = Type.Object(
  {
    requested: Type.Union([Type.String(), Type.Null()]),
    from: CURSOR,
    recovered: Type.Boolean({ description: "false: what lies between `requested` and `from` is missing." }),
    earliest: CURSOR,
    reason: Type.Optional(Type.Enum(["expired", "unknown", "ahead", "invalid"])),
  },
  { description: "The first frame." },
);
const CHECKPOINT: TObject = Type.Object({ cursor: CURSOR, hasMore: Type.Boolean() }, { description: "All matches up to here were sent." });
const PROBLEM: TObject = Type.Object(
  { code: Type.String(), status: Type.Integer(), retryable: Type.Boolean(), retryAfterMs: Type.Optional(Type.Number()) },
  { description: "The stream ends.", additionalProperties: true },
);
const CONTROLS: Readonly<Record<string, TObject>> = { resume: RESUME, checkpoint: CHECKPOINT, problem: PROBLEM };
const SOCKET = "socket";
const STREAM = "stream";

/** AsyncAPI 3.0 of what the server sends: every event type, registered or built in, over server-sent events and WebSocket. */
export function asyncapi({ name, protocol, host, basePath }: Server, eventTypes: readonly EventTypeRecord[]): object {
  const parts = new SchemaParts({ Event: EVENT, Resume: RESUME, Checkpoint: CHECKPOINT, Problem: PROBLEM });
  const messages: Record<string, object> = {};
  for (const { name: type, description, schema, recordedSchema } of eventTypes) {
    const data = parts.add(`data.${type}`, recordedSchema ?? schema);
    messages[`event.${type}`] = {
      name: type,
      title: type,
      ...(description !== undefined && { summary: description }),
      contentType: "application/json",
      payload: { allOf: [parts.of(EVENT), { type: "object", properties: { type: { const: type }, data } }] },
    };
  }
  for (const [kind, schema] of Object.entries(CONTROLS)) {
    messages[`stream.${kind}`] = {
      name: kind,
      title: `${kind}, as a frame of its own`,
      contentType: "application/json",
      payload: parts.of(schema),
    };
    messages[`socket.${kind}`] = framed(kind, parts.of(schema));
  }
  messages["socket.event"] = framed("event", { type: "object", properties: { event: parts.of(EVENT) }, required: ["event"] });
  messages["socket.reply"] = framed("reply", { type: "object", properties: { result: { type: "object" } }, required: ["result"] });
  messages["socket.op"] = {
    name: "op",
    title: "What a client sends",
    contentType: "application/json",
    payload: { type: "object", properties: { op: { enum: OPS }, id: ID }, required: ["op", "id"] },
  };
  const names = Object.keys(messages);
  const overStream = names.filter((each) => each.startsWith("event.") || each.startsWith("stream."));
  const overSocket = names.filter((each) => each.startsWith("socket.") && each !== "socket.op");
  const server = { host, ...(basePath !== "" && { pathname: basePath }) };
  return {
    asyncapi: "3.0.0",
    info: {
      title: name,
      version: "1",
      description: "Everything that happens, in one order, live and from any place again.",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    servers: {
      [STREAM]: { ...server, protocol, description: "Server-sent events." },
      [SOCKET]: { ...server, protocol: protocol === "https" ? "wss" : "ws", description: "WebSocket, subprotocol nexus.v1." },
    },
    channels: {
      [STREAM]: channel(
        STREAM,
        STREAMS.stream.path,
        "One event a frame, its cursor as the frame's id; others are named frames.",
        overStream,
      ),
      [SOCKET]: channel(SOCKET, STREAMS.subscribe.path, "A client subscribes by frames; an event stands in one of kind `event`.", [
        ...overSocket,
        "socket.op",
      ]),
    },
    operations: {
      sendOverStream: sent(STREAM, overStream),
      sendOverSocket: sent(SOCKET, overSocket),
      receiveOverSocket: { ...sent(SOCKET, ["socket.op"]), action: "receive" },
    },
    components: { messages, schemas: parts.all },
  };
}

const OPS = ["authenticate", "subscribe", "unsubscribe", "emit", "execute", "ping"];
const ID = { type: "string", pattern: "^[A-Za-z0-9_-]{1,32}$" };

/** A frame of the WebSocket: what it tells, with its kind and the id of what it answers. */
function framed(kind: string, payload: object): object {
  const frame = { type: "object", properties: { kind: { const: kind }, id: { type: ["string", "null"] } }, required: ["kind", "id"] };
  return { name: kind, title: `A frame of kind ${kind}`, contentType: "application/json", payload: { allOf: [frame, payload] } };
}

function channel(server: string, address: string, description: string, messages: readonly string[]): object {
  return {
    address,
    description,
    servers: [{ $ref: `#/servers/${server}` }],
    messages: Object.fromEntries(messages.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
  };
}

function sent(name: string, messages: readonly string[]): object {
  return {
    action: "send",
    channel: { $ref: `#/channels/${name}` },
    messages: messages.map((message) => ({ $ref: `#/channels/${name}/messages/${message}` })),
  };
}
