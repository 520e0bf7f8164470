import Type, { type TObject, type TSchema } from "typebox";
import { CHANNELS } from "../events/event.ts";
import { SCOPES } from "../events/principal.ts";

const ANY = Type.Unknown();
const ANY_OBJECT = Type.Record(Type.String(), Type.Unknown());
const CURSOR = Type.String({ description: "An opaque place between two events: pass it as `after`, on any channel." });
const TIME = Type.Integer({ description: "Milliseconds since the epoch." });
const MS = Type.Number({ description: "Milliseconds." });
const COUNT = Type.Integer({ minimum: 0 });
const RUN_STATUS = Type.Enum(["queued", "running", "waiting", "completed", "failed", "cancelled"]);

const ERROR = Type.Object(
  { name: Type.String(), message: Type.String(), code: Type.Optional(Type.String()), stack: Type.Optional(Type.String()) },
  { description: "Why a run, a step or a delivery failed." },
);
export const EVENT: TObject = Type.Object(
  {
    id: Type.String(),
    sequence: Type.Integer({ minimum: 1, description: "Its place in the log: 1, 2, 3, … without gaps." }),
    cursor: CURSOR,
    type: Type.String(),
    timestamp: TIME,
    channel: Type.Enum([...CHANNELS]),
    source: Type.String({ description: "`<app>/<node>` that recorded it." }),
    sessionId: Type.Optional(Type.String()),
    userId: Type.Optional(Type.String({ description: "Its owner." })),
    workflowName: Type.Optional(Type.String()),
    runId: Type.Optional(Type.String()),
    correlationId: Type.Optional(Type.String()),
    causationId: Type.Optional(Type.String({ description: "Id of the event that led to it." })),
    traceparent: Type.Optional(Type.String({ description: "W3C Trace Context." })),
    visibility: Type.Enum(["public", "owner", "operators"]),
    broadcast: Type.Optional(Type.Literal(true)),
    data: ANY,
    metadata: Type.Optional(ANY_OBJECT),
  },
  { description: "A recorded fact: envelope (who, when, where, in which order) and data (what)." },
);
const WORKFLOW: TObject = Type.Object({
  name: Type.String(),
  description: Type.Optional(Type.String()),
  tags: Type.Array(Type.String()),
  version: Type.Optional(Type.String()),
  metadata: Type.Optional(ANY_OBJECT),
  inputSchema: Type.Record(Type.String(), ANY, { description: "JSON Schema of the inputs; empty when anything goes." }),
  resultSchema: Type.Optional(ANY_OBJECT),
  cursor: Type.Optional(CURSOR),
});
const RUN: TObject = Type.Object({
  runId: Type.String(),
  workflowName: Type.String(),
  status: RUN_STATUS,
  inputs: ANY_OBJECT,
  result: Type.Optional(ANY),
  error: Type.Optional(ERROR),
  reason: Type.Optional(Type.String({ description: "Why it was cancelled, or what it waits for." })),
  attempt: Type.Integer({ minimum: 0, description: "How often it was taken up." }),
  channel: Type.Enum([...CHANNELS]),
  sessionId: Type.Optional(Type.String()),
  userId: Type.Optional(Type.String()),
  progress: Type.Optional(Type.Number()),
  startedAt: TIME,
  durationMs: Type.Optional(MS),
  metadata: Type.Optional(ANY_OBJECT),
  steps: Type.Optional(
    Type.Array(
      Type.Object({
        step: Type.String(),
        status: Type.Enum(["running", "waiting", "retrying", "completed", "failed"]),
        attempts: COUNT,
        durationMs: Type.Optional(MS),
        error: Type.Optional(ERROR),
      }),
      { description: "Only where one run is asked for." },
    ),
  ),
  cursor: CURSOR,
});
const SESSION: TObject = Type.Object({
  id: Type.String(),
  userId: Type.Optional(Type.String()),
  data: ANY_OBJECT,
  metadata: Type.Optional(ANY_OBJECT),
  channels: Type.Array(Type.Enum([...CHANNELS])),
  createdAt: TIME,
  endsAt: TIME,
  workflowCount: COUNT,
  ended: Type.Optional(Type.Enum(["ended", "expired"])),
  cursor: CURSOR,
});
const EVENT_TYPE: TObject = Type.Object({
  name: Type.String(),
  version: Type.Integer({ minimum: 1 }),
  description: Type.Optional(Type.String()),
  schema: Type.Record(Type.String(), ANY, { description: "JSON Schema of its data; empty when anything goes." }),
  recordedSchema: Type.Optional(Type.Record(Type.String(), ANY, { description: "Of what is recorded, where that differs." })),
  builtIn: Type.Optional(Type.Literal(true, { description: "Only Nexus records it." })),
  cursor: Type.Optional(CURSOR),
});
const CONSUMER: TObject = Type.Object({
  name: Type.String(),
  status: Type.Enum(["active", "paused", "stopped", "inactive"]),
  paused: Type.Boolean(),
  cursor: CURSOR,
  lag: COUNT,
  deadLetters: COUNT,
  nextRetryAt: Type.Optional(TIME),
  retrying: Type.Array(
    Type.Object({
      eventId: Type.String(),
      type: Type.String(),
      sequence: Type.Integer(),
      attempts: COUNT,
      mostAttempts: Type.Optional(COUNT),
      nextRetryAt: TIME,
      error: Type.Optional(ERROR),
    }),
  ),
  error: Type.Optional(ERROR),
  filter: ANY_OBJECT,
  sink: Type.String(),
  totals: ANY_OBJECT,
});
const DEAD_LETTER: TObject = Type.Object({
  consumer: Type.String(),
  eventId: Type.String(),
  type: Type.String(),
  sequence: Type.Integer(),
  attempts: COUNT,
  diedAt: TIME,
  errors: Type.Array(ANY_OBJECT),
});
const SCHEDULE: TObject = Type.Object({
  name: Type.String(),
  workflow: Type.String(),
  cron: Type.Optional(Type.String()),
  timeZone: Type.Optional(Type.String()),
  everyMs: Type.Optional(MS),
  overlap: Type.Enum(["skip", "allow"]),
  nextAt: Type.Optional(TIME),
  lastRunId: Type.Optional(Type.String()),
  lastDueAt: Type.Optional(TIME),
});
const KEY: TObject = Type.Object({
  id: Type.String(),
  userId: Type.String(),
  scopes: Type.Array(Type.Enum([...SCOPES])),
  name: Type.Optional(Type.String()),
  createdAt: TIME,
  expiresAt: Type.Optional(TIME),
  revokedAt: Type.Optional(TIME),
});
const MADE_KEY: TSchema = Type.Intersect([KEY, Type.Object({ key: Type.String({ description: "Shown this once." }) })]);
const RECEIPT: TObject = Type.Object({ id: Type.String(), sequence: Type.Integer({ minimum: 1 }), cursor: CURSOR });

const RECEIPTS: TObject = Type.Object({ receipts: Type.Array(RECEIPT), cursor: CURSOR });

/** What has a name of its own in the documents. */
export const SHAPES: Readonly<Record<string, TSchema>> = {
  Event: EVENT,
  Workflow: WORKFLOW,
  Run: RUN,
  Session: SESSION,
  EventType: EVENT_TYPE,
  Consumer: CONSUMER,
  DeadLetter: DEAD_LETTER,
  Schedule: SCHEDULE,
  Key: KEY,
  Receipt: RECEIPT,
};

/** A list and the place it is true for. */
function page(name: string, item: TObject): TObject {
  return Type.Object({
    [name]: Type.Array(item),
    cursor: CURSOR,
    hasMore: Type.Boolean(),
    previous: Type.Optional(Type.String({ description: "Where older ones are to be had: pass it as `before`." })),
    next: Type.Optional(Type.String({ description: "Where more are to be had: pass it as `after`." })),
  });
}

const BEGUN = Type.Object({ runId: Type.String(), status: RUN_STATUS, cursor: CURSOR });
const COMPLETED = Type.Object({
  runId: Type.String(),
  status: Type.Literal("completed"),
  result: Type.Optional(ANY),
  durationMs: MS,
  cursor: CURSOR,
});

/** What each operation answers, by its name and HTTP's status. */
export const ANSWERS: Readonly<Record<string, Readonly<Record<number, TSchema>>>> = {
  "workflows.list": { 200: page("workflows", WORKFLOW) },
  "workflows.get": { 200: WORKFLOW },
  "workflows.execute": { 200: COMPLETED, 202: BEGUN },
  "runs.list": { 200: page("runs", RUN) },
  "runs.get": { 200: RUN },
  "runs.events": { 200: page("events", EVENT) },
  "runs.cancel": { 200: RUN },
  "events.list": { 200: page("events", EVENT) },
  "events.emit": {
    200: Type.Union([RECEIPT, RECEIPTS], { description: "It, or all of a batch, was there already." }),
    201: Type.Union([RECEIPT, RECEIPTS]),
  },
  "events.poll": { 200: page("events", EVENT) },
  "eventTypes.list": { 200: page("eventTypes", EVENT_TYPE) },
  "eventTypes.get": { 200: EVENT_TYPE },
  "sessions.create": { 201: SESSION },
  "sessions.list": { 200: page("sessions", SESSION) },
  "sessions.get": { 200: SESSION },
  "sessions.update": { 200: SESSION },
  "sessions.join": { 200: SESSION },
  "sessions.end": { 200: SESSION },
  "consumers.list": { 200: page("consumers", CONSUMER) },
  "consumers.get": { 200: CONSUMER },
  "consumers.pause": { 200: CONSUMER },
  "consumers.resume": { 200: CONSUMER },
  "consumers.rewind": { 200: CONSUMER },
  "consumers.remove": { 200: Type.Object({ name: Type.String(), removed: Type.Literal(true), deadLetters: COUNT }) },
  "deadLetters.list": { 200: page("deadLetters", DEAD_LETTER) },
  "deadLetters.get": { 200: Type.Intersect([DEAD_LETTER, Type.Object({ event: Type.Optional(EVENT) })]) },
  "deadLetters.redeliver": {
    200: Type.Object({
      consumer: Type.String(),
      eventId: Type.String(),
      delivered: Type.Literal(true),
      outOfOrder: Type.Literal(true),
      attempt: COUNT,
    }),
  },
  "deadLetters.drop": { 200: Type.Object({ consumer: Type.String(), eventId: Type.String(), dropped: Type.Literal(true) }) },
  "schedules.list": { 200: page("schedules", SCHEDULE) },
  "keys.list": { 200: page("keys", KEY) },
  "keys.create": { 201: MADE_KEY },
  "keys.revoke": { 200: KEY },
  "keys.rotate": { 201: MADE_KEY },
  health: { 200: ANY_OBJECT },
};

const OF_RUN: TObject = Type.Object({
  runId: Type.String(),
  status: RUN_STATUS,
  result: Type.Optional(ANY),
  durationMs: Type.Optional(MS),
  cursor: Type.String({ description: "The place just before the run's first event: waiting from here misses nothing of it." }),
});
const OF_WAIT: TObject = Type.Object({
  events: Type.Array(EVENT),
  cursor: Type.String({ description: "Where the next call is to go on." }),
  hasMore: Type.Boolean({ description: "Whether the log goes on beyond the cursor already." }),
  timedOut: Type.Boolean({ description: "The time was over before what was waited for came. Nothing is missed by asking again." }),
});

/** What an operation answers as a tool, where that is less, or more, than over HTTP. */
const TOOL_ANSWERS: Readonly<Record<string, TObject>> = {
  "events.emit": RECEIPT,
  "events.poll": OF_WAIT,
  "workflows.execute": OF_RUN,
};

/** The one shape of what an operation answers to whoever calls it as a tool. */
export function toolAnswer(name: string): TSchema {
  const answers = ANSWERS[name] ?? {};
  return TOOL_ANSWERS[name] ?? answers[200] ?? answers[201] ?? ANY_OBJECT;
}
