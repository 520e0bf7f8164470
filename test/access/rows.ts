import { FatalError, type Nexus, type Principal } from "nexus-event-system";

import { cookie } from "./fixtures/people.ts";

type Scope = Principal["scopes"][number];

/** How an operation is asked, and what of it somebody may own. */
export interface Row {
  readonly scope: Scope;
  /** The request. @param id of what it is about, where that is something owned. */
  readonly ask: (id: string) => readonly [method: string, path: string, body?: unknown];
  /** What whoever may ask is answered. */
  readonly status: number;
  /**
   * Makes, in process, something that `name` owns and that bears `mark(name)` wherever a caller may put text. @returns its id.
   *
   * An operation without it is about nobody's things, or lists what the caller sees.
   */
  readonly make?: (app: Nexus, name: string) => Promise<string>;
  /** What somebody who sees everything, but owns nothing of it, is answered; as whoever may ask, if absent. */
  readonly auditor?: number;
}

/** Text that only things of this person have. */
export function mark(name: string): string {
  return `secret-of-${name}`;
}

async function run(app: Nexus, name: string): Promise<string> {
  const words = { text: mark(name) };
  return (await app.startRun("endless", words, { userId: name, sessionId: mark(name), metadata: words })).runId;
}

async function session(app: Nexus, name: string): Promise<string> {
  const words = { text: mark(name) };
  return (await app.sessions.create({ userId: name, data: words, metadata: words })).id;
}

/** A consumer whose first try of each event is its last. */
async function consumer(app: Nexus, name: string): Promise<string> {
  const id = `${mark(name)}-${crypto.randomUUID()}`;
  const made = app.consumer(id, { type: "dying", correlationId: id }, (_event, { attempt }) => {
    if (attempt === 1) throw new FatalError(mark(name));
  });
  await made.status();
  return id;
}

/** An event that such a consumer did not deliver; both have one name. */
async function deadLetter(app: Nexus, name: string): Promise<string> {
  const id = await consumer(app, name);
  await app.emitEvent("dying", { text: mark(name) }, { id, correlationId: id, userId: name });
  await app.waitForEvent("consumer.dead_lettered", { match: { eventId: id }, after: "earliest" });
  return id;
}

/** An API key. Only operators make them, for whomever. */
async function key(app: Nexus, name: string): Promise<string> {
  const request = new Request("http://localhost/keys", {
    method: "POST",
    headers: { ...cookie("operator"), "content-type": "application/json" },
    body: JSON.stringify({ userId: name, scopes: ["admin"], name: mark(name) }),
  });
  const { id } = (await (await app.fetch(request)).json()) as { readonly id: string };
  return id;
}

/** Every operation of the table, by its name. What is not here fails `test/house/access.test.ts`. */
export const ROWS: Readonly<Record<string, Row>> = {
  "workflows.list": { scope: "workflows:read", ask: () => ["GET", "/workflows"], status: 200 },
  "workflows.get": { scope: "workflows:read", ask: () => ["GET", "/workflows/double"], status: 200 },
  "workflows.execute": { scope: "workflows:run", ask: () => ["POST", "/workflows/double/execute", { inputs: { n: 1 } }], status: 200 },
  "schedules.list": { scope: "workflows:read", ask: () => ["GET", "/schedules"], status: 200 },
  "runs.list": { scope: "workflows:read", ask: () => ["GET", "/runs"], status: 200 },
  "runs.get": { scope: "workflows:read", ask: (id) => ["GET", `/runs/${id}`], make: run, status: 200 },
  "runs.events": { scope: "events:read", ask: (id) => ["GET", `/runs/${id}/events`], make: run, status: 200 },
  "runs.cancel": { scope: "workflows:run", ask: (id) => ["POST", `/runs/${id}/cancel`, {}], make: run, status: 200, auditor: 403 },
  "events.list": { scope: "events:read", ask: () => ["GET", "/events?limit=1000"], status: 200 },
  "events.emit": { scope: "events:emit", ask: () => ["POST", "/events", { type: "a", data: 1 }], status: 201 },
  "events.poll": { scope: "events:read", ask: () => ["GET", "/events/poll?after=earliest&waitMs=0&limit=1000"], status: 200 },
  "eventTypes.list": { scope: "events:read", ask: () => ["GET", "/event-types"], status: 200 },
  "eventTypes.get": { scope: "events:read", ask: () => ["GET", "/event-types/workflow.started"], status: 200 },
  "sessions.create": { scope: "sessions:write", ask: () => ["POST", "/sessions", { data: { a: 1 } }], status: 201 },
  "sessions.list": { scope: "events:read", ask: () => ["GET", "/sessions"], status: 200 },
  // Of sessions only their owner and `admin` are told.
  "sessions.get": { scope: "events:read", ask: (id) => ["GET", `/sessions/${id}`], make: session, status: 200, auditor: 404 },
  "sessions.update": {
    scope: "sessions:write",
    ask: (id) => ["PATCH", `/sessions/${id}`, { b: 2 }],
    make: session,
    status: 200,
    auditor: 404,
  },
  "sessions.join": { scope: "sessions:write", ask: (id) => ["POST", `/sessions/${id}/join`, {}], make: session, status: 200, auditor: 404 },
  "sessions.end": { scope: "sessions:write", ask: (id) => ["POST", `/sessions/${id}/end`, {}], make: session, status: 200, auditor: 404 },
  "consumers.list": { scope: "admin", ask: () => ["GET", "/consumers"], status: 200, auditor: 403 },
  "consumers.get": { scope: "admin", ask: (id) => ["GET", `/consumers/${id}`], make: consumer, status: 200, auditor: 403 },
  "consumers.pause": { scope: "admin", ask: (id) => ["POST", `/consumers/${id}/pause`, {}], make: consumer, status: 200, auditor: 403 },
  "consumers.resume": { scope: "admin", ask: (id) => ["POST", `/consumers/${id}/resume`, {}], make: consumer, status: 200, auditor: 403 },
  "consumers.rewind": {
    scope: "admin",
    ask: (id) => ["POST", `/consumers/${id}/rewind`, { to: "latest" }],
    make: consumer,
    status: 200,
    auditor: 403,
  },
  "consumers.remove": { scope: "admin", ask: (id) => ["DELETE", `/consumers/${id}`], make: consumer, status: 200, auditor: 403 },
  "deadLetters.list": { scope: "admin", ask: () => ["GET", "/dead-letters"], status: 200, auditor: 403 },
  "deadLetters.get": { scope: "admin", ask: (id) => ["GET", `/dead-letters/${id}/${id}`], make: deadLetter, status: 200, auditor: 403 },
  "deadLetters.redeliver": {
    scope: "admin",
    ask: (id) => ["POST", `/dead-letters/${id}/${id}/redeliver`, {}],
    make: deadLetter,
    status: 200,
    auditor: 403,
  },
  "deadLetters.drop": { scope: "admin", ask: (id) => ["DELETE", `/dead-letters/${id}/${id}`], make: deadLetter, status: 200, auditor: 403 },
  "keys.list": { scope: "admin", ask: () => ["GET", "/keys"], status: 200, auditor: 403 },
  "keys.create": { scope: "admin", ask: () => ["POST", "/keys", { userId: "x", scopes: ["admin"] }], status: 201, auditor: 403 },
  "keys.revoke": { scope: "admin", ask: (id) => ["POST", `/keys/${id}/revoke`, {}], make: key, status: 200, auditor: 403 },
  "keys.rotate": { scope: "admin", ask: (id) => ["POST", `/keys/${id}/rotate`, {}], make: key, status: 201, auditor: 403 },
  health: { scope: "admin", ask: () => ["GET", "/health"], status: 200, auditor: 403 },
};
