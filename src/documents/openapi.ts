import Type, { type TObject } from "typebox";
import { ERRORS, type ErrorCode } from "../errors.ts";
import type { Scope } from "../events/principal.ts";
import { ANSWERS, EVENT, SHAPES } from "../operations/answers.ts";
import { FILTER_FIELDS, TIME_FIELDS } from "../operations/filter-fields.ts";
import type { Operation } from "../operations/operation.ts";
import { DOCUMENTS, OPERATIONS, STREAMS } from "../operations/table.ts";
import { SchemaParts } from "./schema-parts.ts";

/** What a document says of the server it is of. */
export interface Server {
  /** The app's name. */
  readonly name: string;
  readonly protocol: "http" | "https";
  readonly host: string;
  /** What stands before its paths; empty for none. */
  readonly basePath: string;
}

const PROBLEM: TObject = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Enum(Object.keys(ERRORS) as ErrorCode[]),
    retryable: Type.Boolean({ description: "Whether the same call may succeed later." }),
    detail: Type.Optional(Type.String()),
  },
  { description: "RFC 9457, with the facts of its code beside these.", additionalProperties: true },
);

/** OpenAPI 3.1 of everything that can be asked over HTTP, from the operation table. */
export function openapi({ name, basePath }: Server): object {
  const parts = new SchemaParts({ ...SHAPES, Problem: PROBLEM });
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    const methods = (paths[operation.path] ??= {});
    methods[operation.method.toLowerCase()] = operationObject(operation, parts);
  }
  paths[STREAMS.stream.path] = { get: streamObject(parts) };
  paths[STREAMS.subscribe.path] = { get: socketObject() };
  for (const [id, document] of Object.entries(DOCUMENTS)) paths[document.path] = { get: documentObject(id, document) };
  return {
    openapi: "3.1.0",
    info: {
      title: name,
      version: "1",
      summary: "Run workflows, and follow everything that happens in one durable, ordered log.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: basePath === "" ? "/" : basePath }],
    tags: [...new Set(OPERATIONS.map(tagOf)), "documents"].map((tag) => ({ name: tag, description: `What concerns ${spoken(tag)}.` })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "An API key, or a token of the identity provider. Or the host's own sign-in.",
        },
      },
      schemas: parts.all,
      responses: {
        Problem: {
          description: "It was refused, or failed; `code` says why.",
          content: { "application/problem+json": { schema: parts.of(PROBLEM) } },
        },
      },
    },
  };
}

function operationObject(operation: Operation, parts: SchemaParts): object {
  const { name, summary, scope } = operation;
  return {
    operationId: name,
    summary,
    ...needing(scope),
    tags: [tagOf(operation)],
    parameters: [
      ...parametersOf("path", operation.params, parts),
      ...parametersOf("query", operation.query, parts),
      ...filterParameters(operation.filter, parts),
      ...headersOf(operation),
    ],
    ...(operation.body !== undefined && { requestBody: bodyOf(operation, operation.body, parts) }),
    responses: responsesOf(operation, parts),
  };
}

function parametersOf(place: "path" | "query", { properties, required }: TObject, parts: SchemaParts): object[] {
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...rest } = schema as { description?: string };
    return {
      name,
      in: place,
      required: (required as readonly string[] | undefined)?.includes(name) === true,
      ...(description !== undefined && { description }),
      schema: parts.of(rest),
    };
  });
}

function filterParameters(filter: Operation["filter"], parts: SchemaParts): object[] {
  if (filter === undefined) return [];
  return Object.entries(filter === "bounded" ? { ...FILTER_FIELDS, ...TIME_FIELDS } : FILTER_FIELDS).map(
    ([name, [schema, description]]) => ({
      name,
      in: "query",
      required: false,
      description,
      // Values stand side by side, with commas between them.
      style: "form",
      explode: false,
      schema: parts.of(schema),
    }),
  );
}

function headersOf({ body }: Operation): object[] {
  const headers: [name: string, description: string][] = [
    ["Nexus-Session", "The session that the call is made in."],
    ["Nexus-Channel", "`cli` from a command line. It describes, and authorises nothing."],
  ];
  if (body?.properties["idempotencyKey"] !== undefined) headers.push(["Idempotency-Key", "The same key gives the same run."]);
  return headers.map(([name, description]) => ({ name, in: "header", required: false, description, schema: { type: "string" } }));
}

function bodyOf({ wholeBody, cloudEvents }: Operation, body: TObject, parts: SchemaParts): object {
  const schema = parts.of(body);
  const event = { schema: { type: "object", description: "A CloudEvent 1.0." } };
  return {
    required: Object.keys(body.required ?? {}).length > 0,
    content: {
      "application/json": { schema },
      ...(wholeBody !== undefined && { "application/merge-patch+json": { schema } }),
      ...(cloudEvents === "in" && {
        "application/cloudevents+json": event,
        "application/cloudevents-batch+json": { schema: { type: "array", items: event.schema } },
      }),
    },
  };
}

function responsesOf({ name, cloudEvents }: Operation, parts: SchemaParts): object {
  const responses: Record<string, object> = {};
  for (const [status, schema] of Object.entries(ANSWERS[name] ?? {})) {
    responses[status] = {
      description: STATUSES[status] ?? "Done.",
      content: {
        "application/json": { schema: parts.of(schema) },
        ...(cloudEvents === "out" && { "application/cloudevents-batch+json": { schema: { type: "array", items: { type: "object" } } } }),
      },
    };
  }
  return { ...responses, "4XX": PROBLEM_RESPONSE, "5XX": PROBLEM_RESPONSE };
}

const PROBLEM_RESPONSE = { $ref: "#/components/responses/Problem" };
const STATUSES: Readonly<Record<string, string>> = {
  200: "Done, or as it is.",
  201: "Recorded.",
  202: "Begun; it goes on.",
};

function streamObject(parts: SchemaParts): object {
  return {
    operationId: "events.stream",
    summary: "Server-sent events: history from a place on, then live. asyncapi.json describes the frames.",
    ...needing(STREAMS.stream.scope),
    tags: ["events"],
    parameters: [
      ...parametersOf("query", FOLLOWING, parts),
      ...filterParameters("open", parts),
      {
        name: "Last-Event-ID",
        in: "header",
        required: false,
        description: "The last cursor; it wins over `after`.",
        schema: { type: "string" },
      },
    ],
    responses: {
      200: { description: "A stream that does not end by itself.", content: { "text/event-stream": { schema: parts.of(EVENT) } } },
      "4XX": PROBLEM_RESPONSE,
      "5XX": PROBLEM_RESPONSE,
    },
  };
}

const FOLLOWING: TObject = Type.Object({
  after: Type.Optional(Type.String({ description: "A cursor, earliest, latest or time:<RFC 3339>; latest if absent." })),
  onLoss: Type.Optional(Type.Enum(["earliest"], { description: "When that place is gone: go on from the earliest that is left." })),
});

function socketObject(): object {
  return {
    operationId: "events.ws",
    summary: "A WebSocket with the subprotocol nexus.v1. asyncapi.json describes the frames.",
    ...needing(STREAMS.subscribe.scope),
    tags: ["events"],
    responses: { 101: { description: "It is one now." }, "4XX": PROBLEM_RESPONSE },
  };
}

function documentObject(id: string, { says, scope, type }: (typeof DOCUMENTS)["openapi"]): object {
  const schema = { type: type === "application/json" ? "object" : "string" };
  return {
    operationId: `documents.${id}`,
    summary: says,
    ...needing(scope),
    tags: ["documents"],
    responses: {
      200: { description: "The document.", content: { [type]: { schema } } },
      "4XX": PROBLEM_RESPONSE,
    },
  };
}

/** As long as there are no credentials, nobody needs any. In 3.1 the scheme's list has the names of what is needed. */
function needing(scope: Scope): object {
  return { description: `With credentials it needs the scope ${scope}.`, security: [{}, { bearer: [scope] }] };
}

function tagOf({ name }: Operation): string {
  return name.split(".")[0] as string;
}

function spoken(tag: string): string {
  return tag.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
