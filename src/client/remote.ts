import type { RunError } from "../errors.ts";
import type { Channel, Cursor, NexusEvent } from "../events/event.ts";
import type { JsonObject, JsonValue } from "../events/json.ts";
import { type Connection, call, type Query, rootOf } from "./call.ts";
import { type Followed, type FollowOptions, follow } from "./follow.ts";

/** A server, by its operations. Every call throws the server's own error; see `call`. */
export interface Remote {
  /** As it was given, without a slash at the end. */
  readonly url: string;
  workflows(): Promise<{ readonly workflows: readonly WorkflowAnswer[]; readonly cursor: Cursor }>;
  workflow(name: string): Promise<WorkflowAnswer & { readonly cursor: Cursor }>;
  eventTypes(): Promise<{ readonly eventTypes: readonly EventTypeAnswer[]; readonly cursor: Cursor }>;
  eventType(name: string): Promise<EventTypeAnswer & { readonly cursor: Cursor }>;
  /** Starts a run, and answers when it is recorded. */
  startRun(
    workflow: string,
    inputs: JsonObject,
    options?: { readonly idempotencyKey?: string | undefined; readonly session?: string | undefined },
  ): Promise<{ readonly runId: string; readonly cursor: Cursor }>;
  runs(query: Query): Promise<RunsAnswer>;
  run(runId: string): Promise<RunAnswer>;
  runEvents(runId: string, query: Query): Promise<EventsAnswer>;
  cancelRun(runId: string, reason?: string): Promise<RunAnswer>;
  events(query: Query): Promise<EventsAnswer>;
  emitEvent(event: EmitRequest, session?: string): Promise<{ readonly id: string; readonly sequence: number; readonly cursor: Cursor }>;
  sessions(query: Query): Promise<SessionsAnswer>;
  session(id: string): Promise<SessionAnswer>;
  createSession(session: { readonly data: JsonObject; readonly ttlMs?: number | undefined }): Promise<SessionAnswer>;
  /** @param changes a JSON Merge Patch. */
  updateSession(id: string, changes: JsonObject): Promise<SessionAnswer>;
  joinSession(id: string): Promise<SessionAnswer>;
  endSession(id: string): Promise<SessionAnswer>;
  follow(query: Query, options?: FollowOptions): AsyncGenerator<Followed, void>;
}

export interface WorkflowAnswer {
  readonly name: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly version?: string;
  readonly metadata?: JsonObject;
  readonly inputSchema?: JsonObject;
}
export interface EventTypeAnswer {
  readonly name: string;
  readonly version: number;
  readonly description?: string;
  readonly schema?: JsonObject;
  readonly builtIn?: true;
}
export interface RunAnswer {
  readonly runId: string;
  readonly workflowName: string;
  readonly status: "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
  readonly inputs: JsonObject;
  readonly result?: unknown;
  readonly error?: RunError;
  readonly reason?: string;
  readonly attempt: number;
  readonly channel: Channel;
  readonly sessionId?: string;
  readonly userId?: string;
  readonly startedAt: number;
  readonly durationMs?: number;
  readonly cursor: Cursor;
}
export interface RunsAnswer {
  readonly runs: readonly RunAnswer[];
  readonly cursor: Cursor;
  readonly hasMore: boolean;
  readonly previous?: Cursor;
}
export interface SessionAnswer {
  readonly id: string;
  readonly userId?: string;
  readonly data: JsonObject;
  readonly metadata?: JsonObject;
  readonly channels: readonly Channel[];
  readonly createdAt: number;
  readonly endsAt: number;
  readonly workflowCount: number;
  readonly ended?: "ended" | "expired";
  readonly cursor: Cursor;
}
export interface SessionsAnswer {
  readonly sessions: readonly SessionAnswer[];
  readonly cursor: Cursor;
  readonly hasMore: boolean;
  readonly previous?: Cursor;
}
export interface EventsAnswer {
  readonly events: readonly NexusEvent[];
  readonly cursor: Cursor;
  readonly hasMore: boolean;
  readonly previous?: Cursor;
}
export interface EmitRequest {
  readonly type: string;
  readonly data: JsonValue;
  readonly id?: string;
  readonly broadcast?: true;
}

/** @param url of the server's root. @param options.headers go with every call. */
export function remote(
  url: string,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly fetch?: typeof fetch } = {},
): Remote {
  const { headers = {} } = options;
  const connection: Connection = { url: rootOf(url), headers: () => headers, fetch: options.fetch ?? fetch };
  const get = <Answer>(path: string, query: Query = {}): Promise<Answer> => call<Answer>(connection, "GET", path, { query });
  const post = <Answer>(path: string, body: unknown, query: Query = {}, session?: string): Promise<Answer> =>
    call<Answer>(connection, "POST", path, { body, query, session });
  const at = encodeURIComponent;
  return {
    url: connection.url.href.replace(/\/$/, ""),
    workflows: () => get("workflows"),
    workflow: (name) => get(`workflows/${at(name)}`),
    eventTypes: () => get("event-types"),
    eventType: (name) => get(`event-types/${at(name)}`),
    startRun: (workflow, inputs, { session, ...others } = {}) =>
      post(`workflows/${at(workflow)}/execute`, { inputs, ...others }, { waitMs: 0 }, session),
    runs: (query) => get("runs", query),
    run: (runId) => get(`runs/${at(runId)}`),
    runEvents: (runId, query) => get(`runs/${at(runId)}/events`, query),
    cancelRun: (runId, reason) => post(`runs/${at(runId)}/cancel`, { reason }),
    events: (query) => get("events", query),
    emitEvent: (event, session) => post("events", event, {}, session),
    sessions: (query) => get("sessions", query),
    session: (id) => get(`sessions/${at(id)}`),
    createSession: (session) => post("sessions", session),
    updateSession: (id, changes) => call(connection, "PATCH", `sessions/${at(id)}`, { body: changes }),
    joinSession: (id) => post(`sessions/${at(id)}/join`, {}),
    endSession: (id) => post(`sessions/${at(id)}/end`, {}),
    follow: (query, followOptions) => follow(connection, query, followOptions),
  };
}
