import Type from "typebox";
import { cursorNow } from "./cursor-now.ts";
import { type Operation, operation } from "./operation.ts";
import { LIMIT, NOTHING } from "./schemas.ts";

const LETTER = Type.Object({
  consumer: Type.String({ description: "The consumer's name." }),
  eventId: Type.String({ description: "The event's id." }),
});

const list: Operation = operation({
  name: "deadLetters.list",
  summary: "Events that consumers could not deliver, by consumer, without the events themselves.",
  scope: "admin",
  method: "GET",
  path: "/dead-letters",
  params: NOTHING,
  query: Type.Object(
    {
      consumer: Type.Optional(Type.String({ minLength: 1, description: "Only of this consumer." })),
      after: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9_=-]+/[A-Za-z0-9_=-]+$", description: "The `next` of a page." })),
      limit: LIMIT,
    },
    { additionalProperties: false },
  ),
  tool: { name: "list_dead_letters" },
  run: async (app, { consumer, after, limit }) => {
    const { letters, next } = await (await app.consumers()).letters.list({ consumer, after, limit });
    return {
      body: { deadLetters: letters, cursor: await cursorNow(app), hasMore: next !== undefined, ...(next !== undefined && { next }) },
    };
  },
});

const get: Operation = operation({
  name: "deadLetters.get",
  summary: "One dead letter, with its event.",
  scope: "admin",
  method: "GET",
  path: "/dead-letters/{consumer}/{eventId}",
  params: LETTER,
  query: NOTHING,
  tool: { name: "get_dead_letter" },
  run: async (app, { consumer, eventId }) => {
    const { letters } = await app.consumers();
    const letter = await letters.get(consumer, eventId);
    const event = await letters.eventOf(letter);
    return { body: { ...letter, ...(event !== undefined && { event }) } };
  },
});

const redeliver: Operation = operation({
  name: "deadLetters.redeliver",
  summary: "Tries once more to deliver it, now, out of order; delivered, it is no dead letter any more.",
  scope: "admin",
  method: "POST",
  path: "/dead-letters/{consumer}/{eventId}/redeliver",
  params: LETTER,
  query: NOTHING,
  body: NOTHING,
  tool: { name: "redeliver_dead_letter", openWorld: true },
  run: async (app, { consumer, eventId }) => {
    const letter = await (await app.consumers()).redeliver(consumer, eventId);
    return { body: { consumer, eventId, delivered: true, outOfOrder: true, attempt: letter.attempts + 1 } };
  },
});

const drop: Operation = operation({
  name: "deadLetters.drop",
  summary: "Gives it up: the event will not be delivered.",
  scope: "admin",
  method: "DELETE",
  path: "/dead-letters/{consumer}/{eventId}",
  params: LETTER,
  query: NOTHING,
  tool: { name: "drop_dead_letter", destructive: true },
  run: async (app, { consumer, eventId }) => {
    await (await app.consumers()).letters.drop(consumer, eventId);
    return { body: { consumer, eventId, dropped: true } };
  },
});

export const DEAD_LETTER_OPERATIONS: readonly Operation[] = [list, get, redeliver, drop];
