/** One fault in what a caller gave: where, and what is wrong there. */
export interface Fault {
  /** Dotted path from the root of what was checked; empty for the root itself. */
  readonly path: string;
  readonly message: string;
}

/** Why a run, a step or a handler failed, as it is recorded. */
export interface RunError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  /** The step that failed the run. */
  readonly step?: string;
  /** The stack or message was cut at the end to fit 32 KiB. */
  readonly truncated?: true;
}

/** Each code with its facts. */
export interface ErrorDetails {
  APP_STOPPED: {};
  BIND_REFUSED: { readonly host: string };
  BODY_INVALID: { readonly reason: string };
  BODY_TOO_LARGE: { readonly limit: number };
  CLIENT_CLOSED: {};
  CLOUDEVENT_INVALID: { readonly faults: readonly Fault[] };
  CONSUMER_EXISTS: { readonly consumer: string };
  CONSUMER_INACTIVE: { readonly consumer: string };
  CONSUMER_NOT_FOUND: { readonly consumer: string };
  CONSUMER_TAKEN: { readonly consumer: string; readonly node?: string };
  CURSOR_EXPIRED: { readonly cursor: string; readonly earliest: string };
  CURSOR_INVALID: { readonly cursor: string };
  CURSOR_UNKNOWN: { readonly cursor: string; readonly reason: "unknown" | "ahead"; readonly earliest?: string };
  DEAD_LETTER_NOT_FOUND: { readonly consumer: string; readonly eventId: string };
  DELIVERY_FAILED: { readonly consumer: string; readonly eventId: string; readonly attempt: number; readonly error: RunError };
  DELIVERY_TIMEOUT: { readonly timeoutMs: number };
  ENCODING_UNSUPPORTED: { readonly encoding: string };
  EVENT_ID_CONFLICT: { readonly id: string };
  EVENT_INVALID: { readonly type: string; readonly faults: readonly Fault[] };
  EVENT_TOO_LARGE: { readonly bytes: number; readonly limit: number; readonly part?: string };
  EVENT_TYPE_EXISTS: { readonly type: string; readonly version: number };
  EVENT_TYPE_INVALID: { readonly type: string; readonly reason: string };
  EVENT_TYPE_NOT_FOUND: { readonly eventType: string; readonly similar: readonly string[] };
  FILTER_INVALID: { readonly field: string; readonly reason: string };
  FORBIDDEN: { readonly scope: string };
  GRAPH_INVALID: { readonly faults: readonly Fault[] };
  HANDLER_TIMEOUT: { readonly timeoutMs: number };
  HEADERS_TOO_LARGE: { readonly most: number; readonly bytes: number };
  HOST_REFUSED: { readonly host: string };
  IDEMPOTENCY_CONFLICT: { readonly runId: string };
  INPUT_INVALID: { readonly workflow: string; readonly faults: readonly Fault[] };
  INTERNAL: {};
  MEDIA_TYPE_UNSUPPORTED: { readonly mediaType: string };
  METHOD_NOT_ALLOWED: { readonly allowed: readonly string[] };
  KEY_NOT_FOUND: { readonly keyId: string };
  NAME_INVALID: { readonly name: string; readonly reason?: string };
  NOT_FOUND: { readonly path: string };
  OPTION_INVALID: { readonly option: string; readonly reason: string };
  OPTION_UNSUPPORTED: { readonly option: string };
  ORIGIN_REFUSED: { readonly origin: string };
  OVERLOADED: { readonly retryAfterMs: number; readonly what?: string };
  PORT_IN_USE: { readonly host: string; readonly port: number };
  PROTOCOL_INVALID: { readonly reason: string };
  RATE_LIMITED: { readonly retryAfterMs: number };
  REQUEST_INVALID: { readonly faults: readonly Fault[] };
  REQUEST_TIMEOUT: {};
  RESULT_INVALID: { readonly path: string; readonly reason?: string; readonly bytes?: number; readonly limit?: number };
  RUN_ABANDONED: { readonly runId: string; readonly attempts: number };
  RUN_CANCELLED: { readonly runId: string; readonly reason?: string; readonly cursor?: string };
  RUN_EXPIRED: { readonly runId: string };
  RUN_LOST: { readonly runId: string };
  RUN_NOT_FOUND: { readonly runId: string; readonly similar?: readonly string[] };
  RUN_TIMEOUT: { readonly runId: string; readonly timeoutMs: number };
  SCHEDULE_EXISTS: { readonly schedule: string };
  SCHEMA_INVALID: { readonly reason: string };
  SERVER_STOPPING: { readonly retryAfterMs: number };
  SERVER_UNREACHABLE: { readonly url: string };
  SESSION_ENDED: { readonly sessionId: string };
  SESSION_NOT_FOUND: { readonly sessionId: string; readonly similar?: readonly string[] };
  SESSION_TOO_LARGE: { readonly part: "data" | "changes"; readonly bytes: number; readonly limit: number };
  SIGN_IN_UNAVAILABLE: { readonly issuer: string };
  SLOW_READER: { readonly retryAfterMs: number };
  STATE_CONFLICT: { readonly key: string; readonly revision: number };
  STATE_INVALID: { readonly key: string; readonly reason: string };
  STEP_INTERRUPTED: { readonly step: string; readonly attempts: number };
  STEP_REPEATED: { readonly step: string; readonly reason?: string };
  STEP_TIMEOUT: { readonly step: string; readonly timeoutMs: number };
  STOPPING: {};
  STORE_DAMAGED: { readonly store: string; readonly file?: string; readonly faults?: readonly Fault[] };
  STORE_LOCKED: { readonly file: string; readonly pid: number; readonly host?: string };
  STORE_NEWER: { readonly file: string; readonly version: number; readonly known: number };
  STORE_UNAVAILABLE: { readonly store: string };
  STREAM_CONFLICT: { readonly stream: string; readonly last: string | null };
  TARGET_REFUSED: { readonly host: string; readonly reason: string };
  UNAUTHENTICATED: {};
  UPGRADE_REQUIRED: { readonly subprotocol: string };
  WORKFLOW_EXISTS: { readonly workflow: string };
  WORKFLOW_FAILED: { readonly runId: string; readonly cursor: string; readonly error: RunError };
  WORKFLOW_NOT_FOUND: { readonly workflow: string; readonly similar: readonly string[] };
}

export type ErrorCode = keyof ErrorDetails;

interface ErrorRow {
  /** HTTP status; a WebSocket closes with 4000 more. */
  readonly http: number;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** What is wrong, in one sentence. */
  readonly says: string;
  /** What to do about it. */
  readonly todo: string;
}

/** The one error table: HTTP, WebSocket, the command line and docs/errors.md are read from it. */
export const ERRORS: { readonly [Code in ErrorCode]: ErrorRow } = {
  APP_STOPPED: row(503, false, "The app has been stopped.", "stop() is final: build a new app."),
  BIND_REFUSED: row(
    500,
    false,
    "Without credentials and allowed hosts the server binds to this machine only.",
    "Bind to 127.0.0.1; or have credentials (nexus keys create, auth.jwt or auth.authenticate) and set http.allowedHosts.",
  ),
  BODY_INVALID: row(400, false, "The body is not the JSON that was expected.", "Send valid UTF-8 JSON; the detail says where it breaks."),
  BODY_TOO_LARGE: row(
    413,
    false,
    "The body is larger than this server takes.",
    "Send less, or store the large part elsewhere and send a reference.",
  ),
  CLIENT_CLOSED: row(503, false, "The client has been closed.", "Make a new one with createClient."),
  CLOUDEVENT_INVALID: row(
    400,
    false,
    "This is no CloudEvent of version 1.0.",
    "Correct each fault; nothing was recorded. See docs/cloudevents.md.",
  ),
  CONSUMER_EXISTS: row(409, false, "A consumer of this name is there already.", "Choose another name, or remove it first."),
  CONSUMER_INACTIVE: row(409, false, "No code of this process delivers for this consumer.", "Start a process whose code names it."),
  CONSUMER_NOT_FOUND: row(404, false, "There is no consumer of this name.", "List the consumers."),
  CONSUMER_TAKEN: row(409, false, "Another process has taken this consumer over.", "Nothing: it delivers there."),
  CURSOR_EXPIRED: row(
    410,
    false,
    "The log no longer holds the events after this cursor.",
    "Go on from `earliest`; what lies between is gone.",
  ),
  CURSOR_INVALID: row(400, false, "This is not a cursor.", "Pass a cursor as it was given to you, or earliest, latest or time:<RFC 3339>."),
  CURSOR_UNKNOWN: row(
    410,
    false,
    "This cursor belongs to another history of the log.",
    "The log was replaced, or lost its end. Start again from earliest or latest, knowing that.",
  ),
  DEAD_LETTER_NOT_FOUND: row(404, false, "There is no such dead letter.", "List the dead letters."),
  DELIVERY_FAILED: row(502, true, "The delivery failed again.", "Look at the error; the dead letter is still there."),
  DELIVERY_TIMEOUT: row(504, true, "A delivery did not end in time.", "Do less in it, raise the consumer's timeoutMs, or heed its signal."),
  ENCODING_UNSUPPORTED: row(415, false, "Bodies are not taken compressed.", "Send it as it is, without Content-Encoding."),
  EVENT_ID_CONFLICT: row(
    409,
    false,
    "Another event with this id is already recorded.",
    "Use a new id; the same id is only for the same event sent again.",
  ),
  EVENT_INVALID: row(422, false, "The event's data does not fit.", "Correct each fault; nothing was recorded."),
  EVENT_TOO_LARGE: row(413, false, "The event is larger than the log takes.", "Store the large part elsewhere and record a reference."),
  EVENT_TYPE_EXISTS: row(409, false, "This event type is registered with another schema.", "Give the changed definition a higher version."),
  EVENT_TYPE_INVALID: row(
    422,
    false,
    "This event type cannot be used.",
    "Use 1 to 128 of A-Z a-z 0-9 _ . - and none of the reserved prefixes.",
  ),
  EVENT_TYPE_NOT_FOUND: row(404, false, "There is no event type of this name.", "List the event types."),
  FILTER_INVALID: row(400, false, "The filter cannot be read.", "See the filter grammar; the field and the reason are named."),
  FORBIDDEN: row(403, false, "This caller may not do that.", "Ask whoever runs the server for the scope that is named."),
  GRAPH_INVALID: row(422, false, "The graph is not a workflow.", "Correct each fault."),
  HANDLER_TIMEOUT: row(504, false, "A handler did not end in time.", "Do less in it, raise its timeoutMs, or heed its signal."),
  HEADERS_TOO_LARGE: row(
    431,
    false,
    "The request has too many headers, or too large ones.",
    "Send fewer and shorter headers, or a shorter address.",
  ),
  HOST_REFUSED: row(
    403,
    false,
    "The Host header is not one this server answers to.",
    "Call it by a loopback name, or list the host in http.allowedHosts.",
  ),
  IDEMPOTENCY_CONFLICT: row(
    409,
    false,
    "This idempotency key stands for a run with other inputs.",
    "Use a new key; the same key is only for the same call sent again.",
  ),
  INPUT_INVALID: row(422, false, "The inputs do not fit the workflow's schema.", "Correct each fault; no run was made."),
  INTERNAL: row(500, false, "Something went wrong inside the server.", "The server's log has the details."),
  KEY_NOT_FOUND: row(404, false, "There is no API key of this id that is still good.", "List the keys."),
  MEDIA_TYPE_UNSUPPORTED: row(
    415,
    false,
    "CloudEvents are taken as JSON only.",
    "Send application/cloudevents+json, application/cloudevents-batch+json, or the attributes as headers.",
  ),
  METHOD_NOT_ALLOWED: row(405, false, "This address does not answer to that method.", "Use one of the allowed methods."),
  NAME_INVALID: row(422, false, "This name cannot be used.", "Use 1 to 128 of A-Z a-z 0-9 _ . -"),
  NOT_FOUND: row(404, false, "There is nothing at this address.", "Check the path."),
  OPTION_INVALID: row(422, false, "An option has a value that cannot be used.", "The option and the reason are named."),
  OPTION_UNSUPPORTED: row(501, false, "This option is not available in this version.", "Leave it out."),
  ORIGIN_REFUSED: row(
    403,
    false,
    "Pages of this origin may not call this server.",
    "Open the page from this server, or list its origin in http.allowedOrigins.",
  ),
  OVERLOADED: row(503, true, "Too much is waiting already.", "Wait, then send it again."),
  PORT_IN_USE: row(500, false, "Another program listens on this port.", "Stop it, or choose another port with --port or NEXUS_PORT."),
  PROTOCOL_INVALID: row(400, false, "This frame is not one of the protocol.", "See docs/wire.md."),
  RATE_LIMITED: row(429, true, "This caller calls too often.", "Wait for retryAfterMs; a batch, or one WebSocket, takes fewer calls."),
  REQUEST_INVALID: row(422, false, "The request does not fit.", "Correct each fault."),
  REQUEST_TIMEOUT: row(408, true, "The request did not arrive in time.", "Send it again, faster."),
  RESULT_INVALID: row(422, false, "The result cannot be recorded.", "Return plain JSON within the limit."),
  RUN_ABANDONED: row(
    500,
    false,
    "The run was taken up many times and never got further.",
    "Something in it ends the process; look at the code before its next step.",
  ),
  RUN_CANCELLED: row(409, false, "The run was cancelled.", "Start it again if it is still wanted."),
  RUN_EXPIRED: row(
    504,
    false,
    "The run did not end before retention had to forget its first events.",
    "Start it again; an unfinished run keeps its events for 30 days.",
  ),
  RUN_LOST: row(409, false, "The run is no longer this process's.", "Another process took it up, or it has ended."),
  RUN_NOT_FOUND: row(404, false, "There is no such run.", "List the runs."),
  RUN_TIMEOUT: row(504, false, "The run took longer than its limit.", "Raise the workflow's timeoutMs, or do less."),
  SCHEDULE_EXISTS: row(409, false, "There is a schedule of this name.", "Choose another name, or take the first one away."),
  SCHEMA_INVALID: row(422, false, "The schema cannot be used.", "The reason is named."),
  SERVER_STOPPING: row(503, true, "The server is stopping.", "Come back when it is up again; your cursor stays valid."),
  SERVER_UNREACHABLE: row(503, true, "No server answers there.", "Start one with `nexus start`, or name another with --url."),
  SESSION_ENDED: row(409, false, "The session has ended.", "Create a new one; what was recorded of it can still be read."),
  SESSION_NOT_FOUND: row(404, false, "There is no such session.", "List the sessions, or create one."),
  SESSION_TOO_LARGE: row(
    413,
    false,
    "The data of a session would be too large.",
    "Keep the large part elsewhere, and a reference to it here.",
  ),
  SIGN_IN_UNAVAILABLE: row(
    503,
    true,
    "The keys of the identity provider cannot be had.",
    "Try again; if it stays so, see that the server reaches the issuer, or its jwksUrl.",
  ),
  SLOW_READER: row(408, true, "The reader took nothing for 30 seconds.", "Read faster, or narrow the filter; go on from your cursor."),
  STATE_CONFLICT: row(409, true, "The value was changed by someone else.", "Read it again, then repeat the change."),
  STATE_INVALID: row(422, false, "The key or value cannot be stored.", "The reason is named."),
  STEP_INTERRUPTED: row(500, false, "The process died in this step too often.", "Something in it ends the process."),
  STEP_REPEATED: row(500, false, "A step of this id is still running.", "Await it first, or use another id."),
  STEP_TIMEOUT: row(504, false, "The step took longer than its limit.", "Raise the step's timeoutMs, or heed its signal."),
  STOPPING: row(503, true, "The process is stopping; the run goes on at the next start.", "Nothing: the run is taken up again."),
  STORE_DAMAGED: row(
    503,
    false,
    "The database file is damaged; nothing is read from it or written to it.",
    "Name every fault with nexus verify, and put a backup in its place as docs/operating.md says.",
  ),
  STORE_LOCKED: row(503, false, "Another process has this database file open.", "Stop that process, or use another file with NEXUS_DB."),
  STORE_NEWER: row(
    503,
    false,
    "A newer version of Nexus wrote this database file.",
    "Update nexus-event-system, or name another file with NEXUS_DB; this one was left as it is.",
  ),
  STORE_UNAVAILABLE: row(503, true, "The store did not answer.", "Look at disk space and the server's log; repeat with the same id."),
  STREAM_CONFLICT: row(409, true, "The stream has moved on.", "Read what was added, then repeat behind it."),
  TARGET_REFUSED: row(
    422,
    false,
    "Deliveries do not go to this address.",
    "Use https and a public host; for one on this machine say allowLoopback.",
  ),
  UNAUTHENTICATED: row(
    401,
    false,
    "The server does not know who is calling.",
    "Sign in, or send a credential that the server knows; on the command line, with NEXUS_API_KEY.",
  ),
  UPGRADE_REQUIRED: row(426, false, "This address speaks WebSocket.", "Connect with the subprotocol nexus.v1."),
  WORKFLOW_EXISTS: row(409, false, "A workflow of this name is registered.", "Choose another name, or unregister it first."),
  WORKFLOW_FAILED: row(500, false, "The workflow failed.", "The error and the run's events say where."),
  WORKFLOW_NOT_FOUND: row(404, false, "There is no workflow of this name.", "List the workflows."),
};

function row(http: number, retryable: boolean, says: string, todo: string): ErrorRow {
  return { http, retryable, says, todo };
}

/** RFC 9457 problem document: the body of every HTTP error, and the same fields in a WebSocket or SSE `problem`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly retryable: boolean;
  readonly detail?: string;
  readonly [fact: string]: unknown;
}

const BRAND: unique symbol = Symbol.for("nexus-event-system.error") as never;

/** What fails, fails with one of these: a code of the table, and facts in `details`. */
export class NexusError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code;
  readonly details: ErrorDetails[Code];
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;

  constructor(code: Code, details: ErrorDetails[Code], options?: ErrorOptions & { readonly detail?: string }) {
    const row = ERRORS[code];
    super(options?.detail ?? describe(row.says, details), options);
    this.name = "NexusError";
    this.code = code;
    this.details = details;
    this.retryable = row.retryable;
  }

  /** Narrows: `if (NexusError.is(error, "CURSOR_EXPIRED")) read(error.details.earliest)`. Works across copies of the package. */
  static is<Code extends ErrorCode = ErrorCode>(error: unknown, code?: Code): error is NexusError<Code> {
    if (typeof error !== "object" || error === null || !(BRAND in error)) return false;
    return code === undefined || (error as unknown as NexusError).code === code;
  }
}

Object.defineProperty(NexusError.prototype, BRAND, { value: true });

/** The error as a problem document. Anything that is not a NexusError is INTERNAL, and tells nothing of itself. */
export function problemOf(error: unknown): Problem {
  const known: NexusError = NexusError.is(error) ? error : new NexusError("INTERNAL", {});
  const row = ERRORS[known.code];
  const detail = known.message === row.says ? row.todo : known.message;
  const problem = {
    type: `urn:nexus:error:${known.code}`,
    title: row.says,
    status: row.http,
    code: known.code,
    retryable: row.retryable,
    detail,
  };
  // A fact with the name of one of these (the type of an event) is told in the detail.
  return { ...problem, ...withoutStack(known.details), ...problem };
}

/** Where in the code a run failed, its events say; whoever called it is told why. */
function withoutStack(details: object): object {
  const { error } = details as { error?: RunError };
  if (error === undefined) return details;
  const { stack: _stack, ...told } = error;
  return { ...details, error: told };
}

/** The NexusError that a problem document tells of. */
export function errorOf(problem: Problem): NexusError {
  const { type: _type, title, status: _status, code, retryable: _retryable, detail, ...facts } = problem;
  if (!Object.hasOwn(ERRORS, code)) return new NexusError("INTERNAL", {}, { detail: detail ?? title });
  return new NexusError(code as ErrorCode, facts as never, { detail: detail ?? title });
}

/** What a command exits with: 75 when the same one may succeed later, 2 when what was asked for is wrong, else 1. */
export function exitCodeOf(error: unknown): number {
  if (!NexusError.is(error)) return 1;
  if (error.retryable) return 75;
  return [400, 404, 413, 422].includes(ERRORS[error.code].http) ? 2 : 1;
}

function describe(says: string, details: object): string {
  const faults = (details as { faults?: readonly Fault[] }).faults;
  if (faults !== undefined) return `${says} ${faults.map((fault) => `${fault.path || "(root)"}: ${fault.message}`).join("; ")}`;
  const facts = Object.entries(details)
    .filter(([, value]) => typeof value === "string" || typeof value === "number")
    .map(([name, value]) => `${name} ${String(value)}`);
  return facts.length === 0 ? says : `${says} (${facts.join(", ")})`;
}

/** Throw it to end the tries of a step or a delivery at once. */
export class FatalError extends Error {
  override readonly name: string = "FatalError";
}

/** Throw it to be tried again after `ms`, not by the policy. */
export class RetryAfter extends Error {
  override readonly name: string = "RetryAfter";
  readonly ms: number;

  /** @param ms at least 0. */
  constructor(ms: number, options?: ErrorOptions) {
    super(`try again after ${ms} ms`, options);
    this.ms = ms;
  }
}
