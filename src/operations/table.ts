import type { Scope } from "../events/principal.ts";
import { CONSUMER_OPERATIONS } from "./consumers.ts";
import { DEAD_LETTER_OPERATIONS } from "./dead-letters.ts";
import { EVENT_TYPE_OPERATIONS } from "./event-types.ts";
import { EVENT_OPERATIONS } from "./events.ts";
import { HEALTH_OPERATIONS } from "./health.ts";
import { KEY_OPERATIONS } from "./keys.ts";
import type { Operation } from "./operation.ts";
import { RUN_OPERATIONS } from "./runs.ts";
import { SCHEDULE_OPERATIONS } from "./schedules.ts";
import { SESSION_OPERATIONS } from "./sessions.ts";
import { WORKFLOW_OPERATIONS } from "./workflows.ts";

/** Everything that can be asked of an app; HTTP routes and WebSocket ops are rendered from it. */
export const OPERATIONS: readonly Operation[] = [
  ...WORKFLOW_OPERATIONS,
  ...RUN_OPERATIONS,
  ...SCHEDULE_OPERATIONS,
  ...EVENT_OPERATIONS,
  ...EVENT_TYPE_OPERATIONS,
  ...SESSION_OPERATIONS,
  ...CONSUMER_OPERATIONS,
  ...DEAD_LETTER_OPERATIONS,
  ...KEY_OPERATIONS,
  ...HEALTH_OPERATIONS,
];

interface Stream {
  readonly path: string;
  readonly scope: Scope;
}

interface Document extends Stream {
  readonly says: string;
  readonly type: string;
}

/** What is followed rather than asked: server-sent events, and a subscription over a WebSocket. The channels say how. */
export const STREAMS: { readonly stream: Stream; readonly subscribe: Stream } = {
  stream: { path: "/events/stream", scope: "events:read" },
  subscribe: { path: "/events/ws", scope: "events:read" },
};

/** Where a browser gets the ticket that its streams are opened with: a cookie, so only HTTP has it. */
export const TICKETS: Stream = { path: "/tickets", scope: "events:read" };

/** What describes the rest, each in a form that is read by tools over HTTP alone. */
export const DOCUMENTS: { readonly openapi: Document; readonly asyncapi: Document; readonly metrics: Document } = {
  openapi: {
    path: "/openapi.json",
    scope: "workflows:read",
    type: "application/json",
    says: "What can be asked over HTTP, as OpenAPI 3.1.",
  },
  asyncapi: {
    path: "/asyncapi.json",
    scope: "events:read",
    type: "application/json",
    says: "What is sent to those who follow events, as AsyncAPI 3.0.",
  },
  metrics: {
    path: "/metrics",
    scope: "admin",
    type: "text/plain; version=0.0.4; charset=utf-8",
    says: "The numbers of /health, as Prometheus reads them.",
  },
};

/** @param name of the table: one that is not there is a mistake in the code. */
export function operationNamed(name: string): Operation {
  const found = OPERATIONS.find((operation) => operation.name === name);
  if (found === undefined) throw new TypeError(`there is no operation ${name}`);
  return found;
}
