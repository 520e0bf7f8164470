import Type from "typebox";
import { placeOf } from "../delivery/subscription.ts";
import { NexusError } from "../errors.ts";
import type { EmitOptions } from "../events/emitter.ts";
import { checkTypes, parseFilter, seenBy } from "../events/filter.ts";
import type { JsonObject } from "../events/json.ts";
import { eventPage } from "../log/event-page.ts";
import { emitCloudEvents } from "./cloudevents.ts";
import { fitting } from "./fitting.ts";
import { gather } from "./gather.ts";
import { type Operation, operation } from "./operation.ts";
import { LIMIT, NOTHING } from "./schemas.ts";

const MOST_WAIT_MS = 50_000;

const list: Operation = operation({
  name: "events.list",
  summary: "One page of events: after a place, or the newest; oldest first unless order is desc.",
  scope: "events:read",
  method: "GET",
  path: "/events",
  params: NOTHING,
  query: Type.Object(
    {
      after: Type.Optional(Type.String()),
      before: Type.Optional(Type.String()),
      order: Type.Optional(Type.Enum(["asc", "desc"])),
      limit: LIMIT,
    },
    { additionalProperties: false },
  ),
  filter: "bounded",
  cloudEvents: "out",
  tool: { name: "list_events" },
  run: async (app, { filter = {}, after, before, order, limit }, call) => {
    const { log, feed } = await app.source();
    const seen = app.access.seen(parseFilter(filter, { times: true }));
    const page = await eventPage(log, feed, { filter: seen, after, before, order, limit });
    return { body: await fitting(feed, page, call.sparing, { after, sight: app.access.sight }) };
  },
});

const emit: Operation = operation({
  name: "events.emit",
  summary: "Records a custom event.",
  scope: "events:emit",
  method: "POST",
  path: "/events",
  cloudEvents: "in",
  params: NOTHING,
  query: NOTHING,
  body: Type.Object(
    {
      type: Type.String(),
      data: Type.Unknown(),
      id: Type.Optional(Type.String({ description: "The same id with the same content gives the first receipt." })),
      sessionId: Type.Optional(Type.String()),
      metadata: Type.Optional(Type.Unknown()),
      broadcast: Type.Optional(Type.Boolean()),
    },
    { additionalProperties: false },
  ),
  tool: { name: "emit_event" },
  run: async (app, { cloudEvents, type, data, id, sessionId, metadata, broadcast }) => {
    if (cloudEvents !== undefined) return await emitCloudEvents(app, cloudEvents);
    const options: EmitOptions = { id, sessionId, metadata: metadata as JsonObject | undefined };
    const { recorded, ...receipt } = await app.emit(type, data, options, broadcast === true);
    return { status: recorded ? 201 : 200, body: { id: receipt.id, sequence: receipt.sequence, cursor: receipt.cursor } };
  },
});

const poll: Operation = operation({
  name: "events.poll",
  summary: "Waits for the next matching events after a place.",
  scope: "events:read",
  method: "GET",
  path: "/events/poll",
  params: NOTHING,
  query: Type.Object(
    {
      after: Type.Optional(
        Type.String({ description: "Only events after this place: a cursor, earliest, latest or time:<RFC 3339>; latest if absent." }),
      ),
      waitMs: Type.Optional(
        Type.Integer({ minimum: 0, maximum: MOST_WAIT_MS, description: "How long to wait for a match; 25000 if absent." }),
      ),
      onLoss: Type.Optional(
        Type.Enum(["earliest"], {
          description: "What to do where events after the place are no longer held: go on from the earliest there is. Refused if absent.",
        }),
      ),
      limit: LIMIT,
    },
    { additionalProperties: false },
  ),
  filter: "open",
  cloudEvents: "out",
  tool: {
    name: "wait_for_events",
    says:
      "Answers soon after the first match with all there is by then; with stopOn it goes on until an event of such a type. " +
      "Call it again with the answer's cursor: nothing is missed and nothing comes twice, also after a lost connection.",
    also: Type.Object({
      cursor: Type.Optional(
        Type.String({ description: "Only events after this place: the cursor of any answer or event. What comes from now on, if absent." }),
      ),
      stopOn: Type.Optional(
        Type.Array(Type.String(), {
          minItems: 1,
          maxItems: 64,
          description:
            'Wait until an event of such a type: ["workflow.completed", "workflow.failed", "workflow.cancelled"] waits for a run.',
        }),
      ),
    }),
  },
  run: async (app, { filter = {}, cursor, after = cursor ?? "latest", waitMs = 25_000, onLoss, limit = 100, stopOn }, call) => {
    if (cursor !== undefined && after !== cursor)
      throw new NexusError("REQUEST_INVALID", { faults: [{ path: "after", message: "differs from cursor, which says the same" }] });
    const { log, feed } = await app.source();
    const { sight } = app.access;
    const seen = seenBy(parseFilter(filter), sight);
    if (stopOn !== undefined) checkTypes("stopOn", stopOn);
    const position = await placeOf(log, after, onLoss, sight);
    const { sparing, signal } = call;
    const { events, next, timedOut } = await gather(
      feed,
      app.clock,
      { filter: seen, after: position, limit, waitMs, stopOn },
      sparing,
      signal,
    );
    // The server is stopping: the caller is to come back, not to go on at once.
    if (events.length === 0 && signal.aborted && NexusError.is(signal.reason)) throw signal.reason;
    const page = { events, cursor: await feed.cursorAt(next, sight), hasMore: next < feed.end };
    return { body: sparing === undefined ? page : { ...page, timedOut } };
  },
});

export const EVENT_OPERATIONS: readonly Operation[] = [list, emit, poll];
