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
  schedules(): Promise<{ readonly schedules: readonly ScheduleAnswer[]; readonly cursor: Cursor }>;
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
  consumers(): Promise<{ readonly consumers: readonly ConsumerAnswer[]; readonly cursor: Cursor }>;
  consumer(name: string): Promise<ConsumerAnswer>;
  pauseConsumer(name: string): Promise<ConsumerAnswer>;
  resumeConsumer(name: string): Promise<ConsumerAnswer>;
  rewindConsumer(name: string, to: string): Promise<ConsumerAnswer>;
  removeConsumer(name: string): Promise<{ readonly name: string; readonly deadLetters: number }>;
  keys(): Promise<{ readonly keys: readonly KeyAnswer[]; readonly cursor: Cursor }>;
  createKey(key: NewKeyRequest): Promise<MadeKeyAnswer>;
  revokeKey(id: string): Promise<KeyAnswer>;
  rotateKey(id: string, options: { readonly overlapMs?: number }): Promise<MadeKeyAnswer>;
  deadLetters(query: Query): Promise<DeadLettersAnswer>;
  deadLetter(consumer: string, eventId: string): Promise<DeadLetterAnswer>;
  redeliver(consumer: string, eventId: string): Promise<{ readonly attempt: number }>;
  dropDeadLetter(consumer: string, eventId: string): Promise<object>;
  health(signal?: AbortSignal): Promise<HealthAnswer>;
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
export interface ScheduleAnswer {
  readonly name: string;
  readonly workflow: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly everyMs?: number;
  readonly nextAt?: number;
  readonly lastRunId?: string;
}
export interface KeyAnswer {
  readonly id: string;
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly name?: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
}
export interface MadeKeyAnswer extends KeyAnswer {
  readonly key: string;
}
export interface NewKeyRequest {
  readonly userId: string;
  readonly scopes: readonly string[];
  readonly name?: string | undefined;
  readonly expiresInMs?: number;
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
export interface ConsumerAnswer {
  readonly name: string;
  readonly status: "active" | "paused" | "stopped" | "inactive";
  readonly paused: boolean;
  readonly cursor: Cursor;
  readonly lag: number;
  readonly deadLetters: number;
  readonly retrying: readonly {
    readonly eventId: string;
    readonly type: string;
    readonly attempts: number;
    readonly mostAttempts?: number;
    readonly nextRetryAt: number;
    readonly error?: RunError;
  }[];
  readonly error?: RunError;
  readonly filter: JsonObject;
  readonly sink: string;
  readonly totals: { readonly delivered: number; readonly failures: number; readonly deadLettered: number; readonly lost: number };
}
export interface DeadLetterAnswer {
  readonly consumer: string;
  readonly eventId: string;
  readonly type: string;
  readonly attempts: number;
  readonly diedAt: number;
  readonly errors: readonly { readonly attempt: number; readonly at: number; readonly error: RunError }[];
  /** Only where one is asked for. */
  readonly event?: NexusEvent;
}
export interface DeadLettersAnswer {
  readonly deadLetters: readonly DeadLetterAnswer[];
  readonly cursor: Cursor;
  readonly hasMore: boolean;
  readonly next?: string;
}
/** As much of it as is used here. */
export interface HealthAnswer {
  readonly log: {
    readonly floor: number;
    readonly head: number;
    readonly heldBy?: { readonly kind: "run" | "consumer"; readonly name: string; readonly cursor: Cursor };
  };
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
  const remove = <Answer>(path: string): Promise<Answer> => call<Answer>(connection, "DELETE", path);
  const at = encodeURIComponent;
  return {
    url: connection.url.href.replace(/\/$/, ""),
    workflows: () => get("workflows"),
    workflow: (name) => get(`workflows/${at(name)}`),
    schedules: () => get("schedules"),
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
    consumers: () => get("consumers"),
    consumer: (name) => get(`consumers/${at(name)}`),
    pauseConsumer: (name) => post(`consumers/${at(name)}/pause`, {}),
    resumeConsumer: (name) => post(`consumers/${at(name)}/resume`, {}),
    rewindConsumer: (name, to) => post(`consumers/${at(name)}/rewind`, { to }),
    removeConsumer: (name) => remove(`consumers/${at(name)}`),
    keys: () => get("keys"),
    createKey: (key) => post("keys", key),
    revokeKey: (id) => post(`keys/${at(id)}/revoke`, {}),
    rotateKey: (id, options) => post(`keys/${at(id)}/rotate`, options),
    deadLetters: (query) => get("dead-letters", query),
    deadLetter: (consumer, eventId) => get(`dead-letters/${at(consumer)}/${at(eventId)}`),
    redeliver: (consumer, eventId) => post(`dead-letters/${at(consumer)}/${at(eventId)}/redeliver`, {}),
    dropDeadLetter: (consumer, eventId) => remove(`dead-letters/${at(consumer)}/${at(eventId)}`),
    health: (signal) => call(connection, "GET", "health", { signal }),
    follow: (query, followOptions) => follow(connection, query, followOptions),
  };
}
