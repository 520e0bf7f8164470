import { type Logger, memoryStore, Nexus, NexusError, type Principal } from "nexus-event-system";
import { expect, test } from "vitest";
import { Peer, refusal } from "../http/fixtures/peer.ts";
import { serve, silent } from "../http/fixtures/site.ts";
import { authenticate, cookie, guarded, USER } from "./fixtures/people.ts";

/** A logger that keeps what it is told. */
function listening(): { readonly logger: Logger; readonly told: any[] } {
  const told: any[] = [];
  const keep = (fields: object): void => void told.push(fields);
  return { logger: { debug() {}, info() {}, warn: keep, error: keep }, told };
}

test("[access.1] whoever is nobody gets 401 on every address, and is told nothing of what is there", async () => {
  await using site = await guarded();
  for (const path of ["/events", "/runs/none", "/health", "/nothing", "/events/stream", "/events/ws", "/workflows/double/execute"]) {
    const { status, headers, body } = await site.as().get(path);
    expect([status, body.code, headers.get("www-authenticate")]).toEqual([401, "UNAUTHENTICATED", "Bearer"]);
  }
  expect(await refusal(site.url)).toMatchObject({
    status: 401,
    body: { code: "UNAUTHENTICATED" },
    headers: { "www-authenticate": "Bearer" },
  });
  expect(await refusal(site.url, { headers: cookie("stranger") })).toMatchObject({ status: 401 });
});

test("[access.1] the host is asked once for a request and once for a WebSocket, and sees the request's headers", async () => {
  const asked: [string, string | null][] = [];
  await using site = await guarded({
    auth: {
      authenticate: async (request) => {
        asked.push([new URL(request.url).pathname, request.headers.get("cookie")]);
        return authenticate(request);
      },
    },
  });
  await site.as("ann").get("/events?limit=1");
  await site.as("ann").post("/events", { type: "a", data: 1 });
  await using stream = await site.as("ann").stream("/events/stream");
  await stream.next("resume");
  await using peer = await site.as("ann").socket();
  for (const id of ["1", "2"]) expect((await peer.ask({ op: "ping", id })).kind).toBe("reply");
  const ann = cookie("ann")["cookie"];
  expect(asked).toEqual([
    ["/events", ann],
    ["/events", ann],
    ["/events/stream", ann],
    ["/events/ws", ann],
  ]);
});

test("[access.1] no query, body or other header makes a caller somebody else", async () => {
  await using site = await guarded();
  const headers = { ...cookie("bob"), "nexus-channel": "cli", "x-user": "ann", "x-forwarded-user": "ann", authorization: "Bearer ann" };
  const { body } = await site.post("/events", { type: "mine", data: { userId: "ann" } }, headers);
  const { events } = await site.app.getEvents({ type: "mine" });
  expect(events[0]).toMatchObject({ id: body.id, userId: "bob", channel: "cli" });
  for (const more of [{ userId: "ann" }, { visibility: "public" }, { principal: { userId: "ann" } }])
    expect((await site.post("/events", { type: "mine", data: 1, ...more }, headers)).status).toBe(422);
  const run = await site.post("/workflows/double/execute", { inputs: { n: 1 }, metadata: { userId: "ann" } }, headers);
  expect(await site.app.runs.get(run.body.runId)).toMatchObject({ userId: "bob" });
  expect((await site.get("/runs?userId=ann", headers)).status).toBe(422);
});

test.each<[string, () => unknown]>([
  [
    "throws",
    () => {
      throw new Error("secret of the host");
    },
  ],
  ["rejects", () => Promise.reject(new Error("secret of the host"))],
  [
    "throws an error of ours",
    () => {
      throw new NexusError("RUN_NOT_FOUND", { runId: "secret of the host" });
    },
  ],
])("[access.1] a sign-in that %s is a 500 that tells nothing, and a line in the log", async (_what, sign) => {
  const { logger, told } = listening();
  await using site = await serve({ logger, auth: { authenticate: sign as () => undefined } });
  const { status, body } = await site.get("/events");
  expect([status, body.code]).toEqual([500, "INTERNAL"]);
  expect(await refusal(site.url)).toMatchObject({ status: 500, body: { code: "INTERNAL" } });
  expect(JSON.stringify(body)).not.toContain("secret");
  expect(told.map(({ error }) => [error.message, String(error.cause?.message ?? error.cause)])).toEqual(
    Array(2).fill(["auth.authenticate threw", expect.stringContaining("secret of the host")]),
  );
});

test.each<[string, unknown]>([
  ["a name alone", "ann"],
  ["true", true],
  ["no userId", { scopes: USER }],
  ["an empty userId", { userId: "", scopes: USER }],
  ["a userId with a space", { userId: "ann b", scopes: USER }],
  ["a userId with a comma", { userId: "ann,bob", scopes: USER }],
  ["a userId with a line break", { userId: "ann\n", scopes: USER }],
  ["a userId that is not ASCII", { userId: "änn", scopes: USER }],
  ["a userId of 129 characters", { userId: "a".repeat(129), scopes: USER }],
  ["a userId that is a number", { userId: 7, scopes: USER }],
  ["the userId of callers without credentials", { userId: "local", scopes: USER }],
  ["no scopes", { userId: "ann" }],
  ["scopes in one text", { userId: "ann", scopes: "admin" }],
  ["a scope that there is not", { userId: "ann", scopes: ["events:read", "events:*"] }],
  ["undefined among the scopes", { userId: "ann", scopes: [undefined, "admin"] }],
])("[access.1] a principal with %s is a 500, and the log says why", async (_what, principal) => {
  const { logger, told } = listening();
  await using site = await serve({ logger, auth: { authenticate: () => principal as Principal } });
  const { status, body } = await site.get("/workflows");
  expect([status, body.code]).toEqual([500, "INTERNAL"]);
  expect(told.map(({ error }) => error.message)).toEqual([
    expect.stringMatching(/^auth\.authenticate returned a principal that cannot be used: /),
  ]);
});

test("[access.1] null is nobody, too", async () => {
  await using site = await serve({ auth: { authenticate: () => null as never } });
  expect((await site.get("/events")).status).toBe(401);
});

test("[access.1] a principal is taken as it was: what the host does to its object later gives nobody more", async () => {
  const shared = { userId: "ann", scopes: ["events:read"] as Principal["scopes"][number][] };
  await using site = await serve({ auth: { authenticate: () => shared } });
  await using peer = await Peer.open(site.url);
  expect((await peer.ask({ op: "ping", id: "1" })).kind).toBe("reply");
  shared.userId = "bob";
  shared.scopes.push("admin");
  expect(await peer.ask({ op: "emit", id: "2", input: { type: "a", data: 1 } })).toMatchObject({ code: "FORBIDDEN", scope: "events:emit" });
});

test("[access.1] over a WebSocket no credential is taken beside that of its request", async () => {
  await using site = await guarded();
  await using peer = await site.as("bob").socket();
  expect(await peer.ask({ op: "authenticate", id: "1", credential: "ann" })).toMatchObject({ id: "1", code: "UNAUTHENTICATED" });
  expect((await peer.ask({ op: "emit", id: "2", input: { type: "a", data: 1 } })).kind).toBe("reply");
  expect((await site.app.getEvents({ type: "a" })).events[0]?.userId).toBe("bob");
});

test("[access.4] a Host or an Origin that is not ours is refused before the host is asked who calls", async () => {
  let asked = 0;
  await using site = await guarded({ auth: { authenticate: () => void asked++ } });
  const evil = { ...cookie("ann"), origin: "https://evil.example" };
  expect((await site.post("/events", { type: "a", data: 1 }, evil)).body.code).toBe("ORIGIN_REFUSED");
  expect(await refusal(site.url, { headers: evil })).toMatchObject({ body: { code: "ORIGIN_REFUSED" } });
  expect(asked).toBe(0);
});

test("[access.4] /healthz and /readyz need no credential; the page's files are there for whoever has yet to sign in", async () => {
  await using site = await guarded();
  for (const path of ["/healthz", "/readyz"]) expect((await site.as().get(path)).body).toEqual({ status: "ok" });
  for (const path of ["/", "/page.js", "/page.css"]) {
    const response = await fetch(site.url + path);
    expect([response.status, (await response.text()).length > 0]).toEqual([200, true]);
    expect((await fetch(site.url + path, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(site.url + path, { method: "POST" })).status).toBe(401);
  }
  expect((await fetch(`${site.url}/none.js`)).status).toBe(401);
});

test("[access.2] in process everything is seen and allowed, also with credentials configured", async () => {
  await using site = await guarded();
  await site.as("ann").post("/events", { type: "a", data: 1 });
  await site.app.broadcastEvent("a", 2, { userId: "bob", visibility: "operators" });
  expect((await site.app.getEvents({ type: "a" })).events).toHaveLength(2);
  const run = await site.as("ann").post("/workflows/endless/execute?waitMs=0");
  expect(await site.app.runs.cancel(run.body.runId)).toMatchObject({ status: "cancelled", userId: "ann" });
});

test.each<[string, unknown, object]>([
  ["jwt without an issuer", { jwt: {} }, { code: "OPTION_INVALID", details: { option: "auth.jwt.issuer" } }],
  [
    "jwt of an issuer that others may speak for",
    { jwt: { issuer: "http://sign-in.example", audience: "nexus" } },
    { code: "OPTION_INVALID" },
  ],
  ["jwt with a misspelt option", { jwt: { issuer: "https://a.example", audience: "n", jwks: "" } }, { code: "OPTION_UNSUPPORTED" }],
  ["by something else", { saml: {} }, { code: "OPTION_UNSUPPORTED", details: { option: "auth.saml" } }],
  ["without authenticate", {}, { code: "OPTION_INVALID", details: { option: "auth" } }],
  ["with an authenticate that is none", { authenticate: undefined }, { code: "OPTION_INVALID" }],
  [
    "with an authenticate that is no function",
    { authenticate: true },
    { code: "OPTION_INVALID", details: { option: "auth.authenticate" } },
  ],
])("[access.1] auth %s is refused: an app that was to have credentials does not open without", (_what, auth, error) => {
  let thrown: unknown;
  try {
    new Nexus({ store: memoryStore(), logger: silent, auth: auth as object });
  } catch (caught) {
    thrown = caught;
  }
  expect(thrown).toMatchObject(error);
});
