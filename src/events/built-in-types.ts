import Type, { type TSchema } from "typebox";
import type { BuiltInType } from "./built-in.ts";
import { CHANNELS } from "./event.ts";

const ANY_OBJECT = Type.Record(Type.String(), Type.Unknown());
const MS = Type.Number({ description: "Milliseconds." });
const TIME = Type.Integer({ description: "Milliseconds since the epoch." });
const ATTEMPT = Type.Integer({ minimum: 1, description: "From 1." });
const ERROR = Type.Object({
  name: Type.String(),
  message: Type.String(),
  code: Type.Optional(Type.String()),
  stack: Type.Optional(Type.String()),
  step: Type.Optional(Type.String({ description: "The step that failed the run." })),
  truncated: Type.Optional(Type.Literal(true, { description: "It was cut at the end to fit 32 KiB." })),
});
const INPUTS = { inputs: ANY_OBJECT };
const FINGERPRINT = {
  fingerprint: Type.Optional(
    Type.String({ description: "Tells inputs from others under an idempotency key, where something was redacted." }),
  ),
};
const STEP = { step: Type.String({ description: "`load`; the second call of that id is `load#2`." }), attempt: ATTEMPT };
const DELIVERY = { consumer: Type.String(), eventId: Type.String(), attempt: ATTEMPT, error: ERROR };

/** The types that Nexus itself records: what each says, and its data. */
export const BUILT_IN_TYPES: { readonly [T in BuiltInType]: { readonly says: string; readonly data: TSchema } } = {
  "workflow.queued": { says: "A run waits for a slot.", data: Type.Object({ ...INPUTS, ...FINGERPRINT }) },
  "workflow.started": {
    says: "A run began.",
    data: Type.Object({ ...INPUTS, version: Type.Optional(Type.String()), ...FINGERPRINT }),
  },
  "workflow.progress": {
    says: "How far a run says it is.",
    data: Type.Object({ percentage: Type.Number({ minimum: 0, maximum: 100 }), step: Type.Optional(Type.String()) }),
  },
  "workflow.completed": {
    says: "A run ended well.",
    data: Type.Object({ ...INPUTS, result: Type.Optional(Type.Unknown()), durationMs: MS }),
  },
  "workflow.failed": {
    says: "A run failed.",
    data: Type.Object({ ...INPUTS, error: ERROR, traceback: Type.Optional(Type.String()), durationMs: MS, attempt: ATTEMPT }),
  },
  "workflow.cancelled": {
    says: "A run was cancelled.",
    data: Type.Object({ ...INPUTS, reason: Type.Optional(Type.String()), durationMs: MS }),
  },
  "workflow.resumed": { says: "A run was taken up again.", data: Type.Object({ attempt: ATTEMPT }) },
  "workflow.registered": {
    says: "A process has this workflow.",
    data: Type.Object({
      description: Type.Optional(Type.String()),
      tags: Type.Array(Type.String()),
      version: Type.Optional(Type.String()),
      inputSchema: ANY_OBJECT,
      resultSchema: Type.Optional(ANY_OBJECT),
    }),
  },
  "workflow.unregistered": { says: "A process has this workflow no more.", data: Type.Object({}) },
  "step.started": {
    says: "A step began.",
    data: Type.Object({ ...STEP, until: Type.Optional({ ...TIME, description: "When a sleep or wait ends at the latest." }) }),
  },
  "step.completed": {
    says: "A step ended well; it never runs again.",
    data: Type.Object({
      ...STEP,
      result: Type.Optional(Type.Unknown()),
      resultBytes: Type.Optional(Type.Integer({ description: "The size of a result that is kept beside the log." })),
      durationMs: MS,
    }),
  },
  "step.failed": { says: "A step failed, and is tried no more.", data: Type.Object({ ...STEP, error: ERROR, durationMs: MS }) },
  "step.retrying": { says: "A try of a step failed; there is another.", data: Type.Object({ ...STEP, error: ERROR, delayMs: MS }) },
  "session.created": { says: "A session began.", data: Type.Object({ initialData: ANY_OBJECT, ttlMs: MS, endsAt: TIME }) },
  "session.updated": {
    says: "A session's data changed, or a channel joined it.",
    data: Type.Object({ changes: ANY_OBJECT, joined: Type.Optional(Type.Enum([...CHANNELS])) }),
  },
  "session.ended": {
    says: "A session ended.",
    data: Type.Object({ reason: Type.Enum(["ended", "expired"]), durationMs: MS, workflowCount: Type.Integer() }),
  },
  "event_type.registered": {
    says: "A process has this event type.",
    data: Type.Object({ name: Type.String(), version: Type.Integer({ minimum: 1 }), schema: Type.Optional(ANY_OBJECT) }),
  },
  "handler.failed": { says: "A handler failed.", data: Type.Object({ eventId: Type.String(), error: ERROR }) },
  "consumer.retrying": { says: "A delivery failed; it is tried again.", data: Type.Object({ ...DELIVERY, delayMs: MS }) },
  "consumer.dead_lettered": { says: "A delivery failed, and is tried no more.", data: Type.Object(DELIVERY) },
  "access.denied": {
    says: "Somebody was refused, and how often since this was last said.",
    data: Type.Object({
      code: Type.String({ description: "UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED …" }),
      count: Type.Integer({ minimum: 1 }),
      scope: Type.Optional(Type.String({ description: "What was missing." })),
      address: Type.Optional(Type.String({ description: "Where it came from, when it is not known who that was." })),
    }),
  },
  "key.created": {
    says: "An API key was made.",
    data: Type.Object({
      keyId: Type.String(),
      owner: Type.String({ description: "The userId it stands for." }),
      scopes: Type.Array(Type.String()),
      expiresAt: Type.Optional(TIME),
    }),
  },
  "key.revoked": { says: "An API key is good no more.", data: Type.Object({ keyId: Type.String(), owner: Type.String() }) },
  "consumer.lost": {
    says: "Events went before a consumer had read them.",
    data: Type.Object({ consumer: Type.String(), from: Type.String(), to: Type.String(), count: Type.Integer() }),
  },
};
