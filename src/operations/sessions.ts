import Type from "typebox";
import type { JsonObject } from "../events/json.ts";
import { type Operation, operation } from "./operation.ts";
import { LIMIT, NOTHING } from "./schemas.ts";

const SESSION = Type.Object({ sessionId: Type.String({ description: "The session's id." }) });

const create: Operation = operation({
  name: "sessions.create",
  summary: "Begins a session of the caller's, on the caller's channel.",
  scope: "sessions:write",
  method: "POST",
  path: "/sessions",
  params: NOTHING,
  query: NOTHING,
  body: Type.Object(
    {
      data: Type.Optional(Type.Unknown({ description: "An object, 64 KiB at most." })),
      metadata: Type.Optional(Type.Unknown({ description: "An object, recorded with session.created." })),
      ttlMs: Type.Optional(Type.Integer({ description: "It ends when it was not used for so long; 3600000 if absent." })),
      userId: Type.Optional(Type.String({ description: "Its owner, if not the caller; with the scope admin." })),
    },
    { additionalProperties: false },
  ),
  tool: { name: "create_session" },
  run: async (app, { data, metadata, ttlMs, userId }) => ({
    status: 201,
    body: await app.sessions.create({ data: data as JsonObject | undefined, metadata: metadata as JsonObject | undefined, ttlMs, userId }),
  }),
});

const list: Operation = operation({
  name: "sessions.list",
  summary: "Sessions that have not ended, newest first.",
  scope: "events:read",
  method: "GET",
  path: "/sessions",
  params: NOTHING,
  query: Type.Object(
    {
      userId: Type.Optional(Type.String({ minLength: 1, description: "Only those of this owner." })),
      after: Type.Optional(Type.String({ description: "Only sessions that were created after this place." })),
      before: Type.Optional(Type.String({ description: "Only sessions that were created before this place: the `previous` of a page." })),
      limit: LIMIT,
    },
    { additionalProperties: false },
  ),
  tool: { name: "list_sessions" },
  run: async (app, { userId, after, before, limit }) => ({ body: await app.sessions.list({ userId, after, before, limit }) }),
});

const get: Operation = operation({
  name: "sessions.get",
  summary: "One session, also when it has ended.",
  scope: "events:read",
  method: "GET",
  path: "/sessions/{sessionId}",
  params: SESSION,
  query: NOTHING,
  tool: { name: "get_session" },
  run: async (app, { sessionId }) => ({ body: await app.sessions.get(sessionId) }),
});

const update: Operation = operation({
  name: "sessions.update",
  summary: "Changes the data of a session by a JSON Merge Patch (RFC 7396).",
  scope: "sessions:write",
  method: "PATCH",
  path: "/sessions/{sessionId}",
  params: SESSION,
  query: NOTHING,
  body: Type.Object({}, { additionalProperties: true, description: "The merge patch: null removes a field." }),
  wholeBody: "changes",
  tool: { name: "update_session", destructive: true },
  run: async (app, { sessionId, changes = {} }) => ({ body: await app.sessions.update(sessionId, changes) }),
});

const join: Operation = operation({
  name: "sessions.join",
  summary: "Joins a session on the caller's channel.",
  scope: "sessions:write",
  method: "POST",
  path: "/sessions/{sessionId}/join",
  params: SESSION,
  query: NOTHING,
  body: NOTHING,
  tool: { name: "join_session", idempotent: true },
  run: async (app, { sessionId }) => ({ body: await app.sessions.join(sessionId, app.channel) }),
});

const end: Operation = operation({
  name: "sessions.end",
  summary: "Ends a session.",
  scope: "sessions:write",
  method: "POST",
  path: "/sessions/{sessionId}/end",
  params: SESSION,
  query: NOTHING,
  body: NOTHING,
  tool: { name: "end_session", destructive: true },
  run: async (app, { sessionId }) => ({ body: await app.sessions.end(sessionId) }),
});

export const SESSION_OPERATIONS: readonly Operation[] = [create, list, get, update, join, end];
