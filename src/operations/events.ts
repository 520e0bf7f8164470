import Type from "typebox";
import { placeOf } from "../delivery/subscription.ts";
import { NexusError } from "../errors.ts";
import type { EmitOptions } from "../events/emitter.ts";
import { parseFilter, seenBy } from "../events/filter.ts";
import type { JsonObject } from "../events/json.ts";
import { eventPage } from "../log/event-page.ts";
import { tail } from "../log/tail.ts";
import { emitCloudEvents } from "./cloudevents.ts";
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
  run: async (app, { filter = {}, after, before, order, limit }) => {
    const { log, feed } = await app.source();
    return {
      body: await eventPage(log, feed, { filter: app.access.seen(parseFilter(filter, { times: true })), after, before, order, limit }),
    };
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
      after: Type.Optional(Type.String()),
      waitMs: Type.Optional(
        Type.Integer({ minimum: 0, maximum: MOST_WAIT_MS, description: "How long to wait for a match; 25000 if absent." }),
      ),
      onLoss: Type.Optional(Type.Enum(["earliest"])),
      limit: LIMIT,
    },
    { additionalProperties: false },
  ),
  filter: "open",
  cloudEvents: "out",
  run: async (app, { filter = {}, after = "latest", waitMs = 25_000, onLoss, limit = 100 }, call) => {
    const { log, feed } = await app.source();
    const { sight } = app.access;
    const seen = seenBy(parseFilter(filter), sight);
    let position = await placeOf(log, after, onLoss, sight);
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, call.signal]);
    app.clock.sleep(waitMs, signal).then(
      () => over.abort(),
      () => {}, // Answered, or the caller is gone.
    );
    try {
      for await (const batch of tail(feed, position, signal, seen)) {
        const events = batch.events.slice(0, limit).map(({ event }) => event);
        const last = events.at(-1);
        if (last !== undefined) {
          const next = events.length < batch.events.length ? last.sequence : batch.next;
          return { body: { events, cursor: await feed.cursorAt(next, sight), hasMore: next < feed.end } };
        }
        position = batch.next;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      // The server is stopping: the caller is to come back, not to go on at once.
      if (NexusError.is(call.signal.reason)) throw call.signal.reason;
    } finally {
      over.abort();
    }
    return { body: { events: [], cursor: await feed.cursorAt(position, sight), hasMore: position < feed.end } };
  },
});

export const EVENT_OPERATIONS: readonly Operation[] = [list, emit, poll];
