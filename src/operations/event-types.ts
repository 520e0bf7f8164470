import Type from "typebox";
import { type Operation, operation } from "./operation.ts";
import { placeNow } from "./place-now.ts";
import { NOTHING } from "./schemas.ts";

const list: Operation = operation({
  name: "eventTypes.list",
  summary: "The registered event types by name, then those that Nexus itself records; each with the JSON Schema of its data.",
  scope: "events:read",
  method: "GET",
  path: "/event-types",
  params: NOTHING,
  query: NOTHING,
  tool: { name: "list_event_types" },
  run: async (app) => {
    const { of: eventTypes, cursor } = await placeNow(app, () => app.eventTypes());
    return { body: { eventTypes, cursor, hasMore: false } };
  },
});

const get: Operation = operation({
  name: "eventTypes.get",
  summary: "One event type, and the JSON Schema of its data.",
  scope: "events:read",
  method: "GET",
  path: "/event-types/{name}",
  params: Type.Object({ name: Type.String({ description: "The type's name." }) }),
  query: NOTHING,
  tool: { name: "describe_event_type" },
  run: async (app, { name }) => {
    const { of: eventType, cursor } = await placeNow(app, () => app.eventType(name));
    return { body: { ...eventType, cursor } };
  },
});

export const EVENT_TYPE_OPERATIONS: readonly Operation[] = [list, get];
