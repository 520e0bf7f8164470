import Type from "typebox";
import { SCOPES } from "../events/principal.ts";
import { CENTURY_MS } from "../events/whole.ts";
import { cursorNow } from "./cursor-now.ts";
import { type Operation, operation } from "./operation.ts";
import { NOTHING } from "./schemas.ts";

const KEY = Type.Object({ keyId: Type.String({ description: "The key's id: what stands between nexus_ and the next _ of it." }) });
/** As long as it takes to change over. */
const OVERLAP_MS = 3_600_000;

const list: Operation = operation({
  name: "keys.list",
  summary: "The API keys, newest first, without the keys themselves: also those that are good no more.",
  scope: "admin",
  method: "GET",
  path: "/keys",
  params: NOTHING,
  query: NOTHING,
  run: async (app) => {
    const keys = (await app.keys()).list();
    return { body: { keys, cursor: await cursorNow(app), hasMore: false } };
  },
});

const create: Operation = operation({
  name: "keys.create",
  summary: "Makes an API key, and shows it this once. From the first one on every call needs a credential.",
  scope: "admin",
  method: "POST",
  path: "/keys",
  params: NOTHING,
  query: NOTHING,
  body: Type.Object(
    {
      userId: Type.String({ description: "Whom it stands for: the owner of whatever is done with it." }),
      scopes: Type.Array(Type.Enum([...SCOPES]), { minItems: 1, description: "What it allows." }),
      name: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: "What it is for, in words." })),
      expiresInMs: Type.Optional(
        Type.Integer({ minimum: 1, maximum: CENTURY_MS, description: "Without it the key is good until it is revoked." }),
      ),
    },
    { additionalProperties: false },
  ),
  run: async (app, { userId, scopes, name, expiresInMs }) => ({
    status: 201,
    body: await app.createKey({ userId, scopes, name, expiresInMs }),
  }),
});

const revoke: Operation = operation({
  name: "keys.revoke",
  summary: "Ends a key: the next call with it is refused, and streams that were opened with it are closed.",
  scope: "admin",
  method: "POST",
  path: "/keys/{keyId}/revoke",
  params: KEY,
  query: NOTHING,
  body: NOTHING,
  run: async (app, { keyId }) => ({ body: await (await app.keys()).revoke(keyId) }),
});

const rotate: Operation = operation({
  name: "keys.rotate",
  summary: "Makes a new key for the same user and scopes, and ends the old one a little later.",
  scope: "admin",
  method: "POST",
  path: "/keys/{keyId}/rotate",
  params: KEY,
  query: NOTHING,
  body: Type.Object(
    {
      overlapMs: Type.Optional(
        Type.Integer({ minimum: 0, maximum: CENTURY_MS, description: `How long the old key goes on; ${OVERLAP_MS} (an hour) if absent.` }),
      ),
    },
    { additionalProperties: false },
  ),
  run: async (app, { keyId, overlapMs = OVERLAP_MS }) => ({ status: 201, body: await (await app.keys()).rotate(keyId, overlapMs) }),
});

/** None of them is a tool: a key is not to be read by a model. */
export const KEY_OPERATIONS: readonly Operation[] = [list, create, revoke, rotate];
