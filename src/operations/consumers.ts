import Type from "typebox";
import { cursorNow } from "./cursor-now.ts";
import { type Operation, operation } from "./operation.ts";
import { NOTHING } from "./schemas.ts";

const NAME = Type.Object({ name: Type.String({ description: "The consumer's name." }) });

const list: Operation = operation({
  name: "consumers.list",
  summary: "The durable consumers: where each is, what it tries again, how many dead letters it has.",
  scope: "admin",
  method: "GET",
  path: "/consumers",
  params: NOTHING,
  query: NOTHING,
  tool: { name: "list_consumers" },
  run: async (app) => {
    const consumers = await (await app.consumers()).all();
    return { body: { consumers, cursor: await cursorNow(app), hasMore: false } };
  },
});

const get: Operation = operation({
  name: "consumers.get",
  summary: "One consumer.",
  scope: "admin",
  method: "GET",
  path: "/consumers/{name}",
  params: NAME,
  query: NOTHING,
  tool: { name: "get_consumer" },
  run: async (app, { name }) => ({ body: await (await (await app.consumers()).get(name)).status() }),
});

const pause: Operation = operation({
  name: "consumers.pause",
  summary: "Begins no further delivery, also after a restart, until it is resumed; what is under way goes on.",
  scope: "admin",
  method: "POST",
  path: "/consumers/{name}/pause",
  params: NAME,
  query: NOTHING,
  body: NOTHING,
  tool: { name: "pause_consumer", idempotent: true },
  run: async (app, { name }) => {
    const consumer = await (await app.consumers()).get(name);
    await consumer.pause();
    return { body: await consumer.status() };
  },
});

const resume: Operation = operation({
  name: "consumers.resume",
  summary: "Goes on where it is, also one that has stopped.",
  scope: "admin",
  method: "POST",
  path: "/consumers/{name}/resume",
  params: NAME,
  query: NOTHING,
  body: NOTHING,
  tool: { name: "resume_consumer", idempotent: true, openWorld: true },
  run: async (app, { name }) => {
    const consumer = await (await app.consumers()).get(name);
    await consumer.resume();
    return { body: await consumer.status() };
  },
});

const rewind: Operation = operation({
  name: "consumers.rewind",
  summary: "Goes on from another place; what is under way does not count.",
  scope: "admin",
  method: "POST",
  path: "/consumers/{name}/rewind",
  params: NAME,
  query: NOTHING,
  body: Type.Object(
    { to: Type.String({ description: "A cursor, earliest, latest or time:<RFC 3339>: the first event delivered is the one after it." }) },
    { additionalProperties: false },
  ),
  tool: { name: "rewind_consumer", destructive: true, openWorld: true },
  run: async (app, { name, to }) => {
    const consumer = await (await app.consumers()).get(name);
    await consumer.rewind(to);
    return { body: await consumer.status() };
  },
});

const remove: Operation = operation({
  name: "consumers.remove",
  summary: "Forgets where a consumer is, and its dead letters. Code that names it begins anew with its next start.",
  scope: "admin",
  method: "DELETE",
  path: "/consumers/{name}",
  params: NAME,
  query: NOTHING,
  tool: { name: "remove_consumer", destructive: true },
  run: async (app, { name }) => ({ body: { name, removed: true, deadLetters: await (await app.consumers()).remove(name) } }),
});

export const CONSUMER_OPERATIONS: readonly Operation[] = [list, get, pause, resume, rewind, remove];
