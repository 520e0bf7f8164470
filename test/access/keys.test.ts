import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";
import { fakeClock } from "nexus-event-system/testing";
import { expect, test } from "vitest";
import { Peer } from "../http/fixtures/peer.ts";
import { replyOf, type Site, serve, silent } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";

interface Answer {
  readonly status: number;
  readonly body: any;
}

async function ask(site: Pick<Site, "url">, key: string | undefined, method: string, path: string, body?: unknown): Promise<Answer> {
  return await replyOf(
    await fetch(site.url + path, {
      method,
      headers: { "content-type": "application/json", ...(key !== undefined && { authorization: `Bearer ${key}` }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );
}

async function made(site: Pick<Site, "url">, by: string | undefined, of: object): Promise<any> {
  const { status, body } = await ask(site, by, "POST", "/keys", of);
  expect(status).toBe(201);
  return body;
}

const ADMIN = { userId: "operator", scopes: ["admin"] };
const USER = { userId: "ann", scopes: ["workflows:run", "events:read", "events:emit"] };

test("[access.1] from the first API key on every call needs a credential; before it none does, and it must be able to make others", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  expect((await ask(site, undefined, "GET", "/workflows")).status).toBe(200);
  expect((await ask(site, undefined, "POST", "/keys", USER)).body).toMatchObject({ code: "OPTION_INVALID", option: "scopes" });
  expect((await ask(site, undefined, "GET", "/workflows")).status).toBe(200);
  const { key } = await made(site, undefined, ADMIN);
  expect(key).toMatch(/^nexus_[0-9a-z]{12}_[\w-]{43}$/);
  expect((await ask(site, undefined, "GET", "/workflows")).body).toMatchObject({ code: "UNAUTHENTICATED" });
  expect((await ask(site, key, "GET", "/workflows")).status).toBe(200);
});

test("[access.1] a key is whom it was made for, with the scopes it was made with: whatever is done with it is that user's", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  const operator = await made(site, undefined, ADMIN);
  const ann = await made(site, operator.key, { ...USER, name: "Ann's laptop" });
  await ask(site, ann.key, "POST", "/events", { type: "a", data: 1 });
  expect((await site.app.getEvents({ type: "a" })).events).toMatchObject([{ userId: "ann", visibility: "owner" }]);
  expect((await ask(site, ann.key, "GET", "/keys")).body).toMatchObject({ code: "FORBIDDEN", scope: "admin" });
  expect((await ask(site, ann.key, "GET", "/events?type=a")).body.events).toHaveLength(1);
});

test.each<[string, (key: string) => string]>([
  ["nobody's", () => `nexus_${"0".repeat(12)}_${"A".repeat(43)}`],
  ["one with another secret", (key) => `${key.slice(0, -43)}${"A".repeat(43)}`],
  ["one cut short", (key) => key.slice(0, -1)],
  ["one with something after it", (key) => `${key}A`],
  ["an id alone", (key) => key.slice(0, -44)],
])("[access.1] %s is nobody's credential, and refused in the same words", async (_what, change) => {
  await using site = await serve();
  const { key } = await made(site, undefined, ADMIN);
  const { status, body } = await ask(site, change(key), "GET", "/events");
  expect([status, body.code, body.detail]).toEqual([401, "UNAUTHENTICATED", "This API key is not known, or good no more."]);
});

test("[access.1] a key is shown once: no list, event, or health shows it, nor what it is recognised by", async () => {
  await using site = await serve();
  const { key, id } = await made(site, undefined, ADMIN);
  const secret = key.slice(-43);
  for (const path of ["/keys", "/events?limit=1000", "/health", "/openapi.json"]) {
    const text = JSON.stringify((await ask(site, key, "GET", path)).body);
    expect([path, text.includes(secret), text.includes("hash")]).toEqual([path, false, false]);
  }
  expect((await ask(site, key, "GET", "/keys")).body.keys).toEqual([
    { id, userId: "operator", scopes: ["admin"], createdAt: expect.any(Number) },
  ]);
});

test("[access.1] that a key was made and revoked is recorded, for operators alone, with whoever did it", async () => {
  await using site = await serve();
  const operator = await made(site, undefined, ADMIN);
  const ann = await made(site, operator.key, USER);
  await ask(site, operator.key, "POST", `/keys/${ann.id}/revoke`, {});
  const { events } = await site.app.getEvents({ type: "key.*" });
  expect(events).toMatchObject([
    { type: "key.created", visibility: "operators", userId: "local", data: { keyId: operator.id, owner: "operator", scopes: ["admin"] } },
    { type: "key.created", visibility: "operators", userId: "operator", data: { keyId: ann.id, owner: "ann" } },
    { type: "key.revoked", visibility: "operators", userId: "operator", data: { keyId: ann.id, owner: "ann" } },
  ]);
});

test("[access.1] a revoked key is refused at the next call, and its stream is closed; that all are revoked opens nothing", async () => {
  const clock = fakeClock();
  await using site = await serve({ clock });
  const operator = await made(site, undefined, ADMIN);
  await using stream = await Stream.open(`${site.url}/events/stream`, { authorization: `Bearer ${operator.key}` });
  expect(await stream.frame()).toMatchObject({ event: "resume" });
  expect((await ask(site, operator.key, "POST", `/keys/${operator.id}/revoke`, {})).body).toMatchObject({ revokedAt: expect.any(Number) });
  expect((await ask(site, operator.key, "GET", "/events")).status).toBe(401);
  expect((await ask(site, undefined, "GET", "/events")).status).toBe(401);
  let frame = await stream.frame();
  while (frame.event !== "problem") frame = await stream.frame();
  expect(frame.data).toMatchObject({ code: "UNAUTHENTICATED", cursor: expect.any(String) });
});

test("[access.1] a poll that waits while its key is revoked is refused: what comes after that is not its caller's to read", async () => {
  await using site = await serve();
  const operator = await made(site, undefined, ADMIN);
  const other = await made(site, operator.key, ADMIN);
  const poll = ask(site, other.key, "GET", "/events/poll?type=late&after=latest&waitMs=20000");
  // It has its place once its caller's other calls are answered.
  await ask(site, other.key, "GET", "/events");
  await ask(site, operator.key, "POST", `/keys/${other.id}/revoke`, {});
  await site.app.emitEvent("late", { secret: true });
  const { status, body } = await poll;
  expect([status, body.code, JSON.stringify(body).includes("secret")]).toEqual([401, "UNAUTHENTICATED", false]);
});

test.each(["gone", "failed"])(
  "[access.1] a call that waits for a run's end (%s) while its key is revoked is refused: the run goes on, and how it ends is not its caller's to read",
  async (end) => {
    const secret = defineWorkflow("secret", async (_inputs, ctx) => {
      await ctx.waitForEvent("go");
      if (end === "failed") throw new Error("a secret");
      return "a secret";
    });
    await using site = await serve({ workflows: [secret] });
    const operator = await made(site, undefined, ADMIN);
    const ann = await made(site, operator.key, USER);
    const call = ask(site, ann.key, "POST", "/workflows/secret/execute?waitMs=20000", { inputs: {} });
    await site.app.waitForEvent("workflow.started", { after: "earliest" });
    await ask(site, operator.key, "POST", `/keys/${ann.id}/revoke`, {});
    await site.app.emitEvent("go", {});
    const { status, body } = await call;
    expect([status, body.code, JSON.stringify(body).includes("secret")]).toEqual([401, "UNAUTHENTICATED", false]);
    expect((await site.app.getEvents({ type: ["workflow.completed", "workflow.failed"] })).events).toHaveLength(1);
  },
);

test.each([0, 1.5, 4_000_000_000_000])(
  "[access.1] a key that would end in %d ms is refused: that is no time within a hundred years",
  async (expiresInMs) => {
    await using site = await serve();
    const over = await ask(site, undefined, "POST", "/keys", { ...ADMIN, expiresInMs });
    expect([over.status, JSON.stringify(over.body).includes("expiresInMs")]).toEqual([422, true]);
    expect((await ask(site, undefined, "GET", "/keys")).body.keys).toEqual([]);
  },
);

test("[access.1] what was opened before there were credentials ends when the first key is made", async () => {
  await using site = await serve();
  await using stream = await Stream.open(`${site.url}/events/stream`);
  await using peer = await Peer.open(site.url);
  await peer.ask({ op: "subscribe", id: "1" });
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const agent = await fetch(`${site.url}/mcp`, {
    method: "POST",
    headers,
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "events/stream", params: { name: "nexus.event" } }),
  });
  const cut = agent.text().then(
    () => "ended",
    () => "cut",
  );
  await made(site, undefined, ADMIN);
  let frame = await stream.frame();
  while (frame.event !== "problem") frame = await stream.frame();
  expect(frame.data).toMatchObject({ code: "UNAUTHENTICATED" });
  expect(await peer.closed).toEqual({ code: 4401, reason: "UNAUTHENTICATED" });
  expect(await cut).toBe("cut");
});

test("[access.1] a key that was given an end is refused after it; rotated, the old one goes on for a while beside the new", async () => {
  const clock = fakeClock();
  await using site = await serve({ clock });
  const operator = await made(site, undefined, ADMIN);
  const ann = await made(site, operator.key, { ...USER, expiresInMs: 60_000 });
  const rotated = (await ask(site, operator.key, "POST", `/keys/${ann.id}/rotate`, { overlapMs: 1_000 })).body;
  expect(rotated).toMatchObject({ userId: "ann", scopes: USER.scopes, key: expect.stringContaining("nexus_") });
  const statuses = async (): Promise<number[]> =>
    await Promise.all([ann.key, rotated.key].map(async (key) => (await ask(site, key, "GET", "/events")).status));
  expect(await statuses()).toEqual([200, 200]);
  await clock.advance(1_000);
  expect(await statuses()).toEqual([401, 200]);
  await clock.advance(59_000);
  expect(await statuses()).toEqual([401, 401]);
  expect((await ask(site, operator.key, "POST", `/keys/${ann.id}/rotate`, {})).body).toMatchObject({ code: "KEY_NOT_FOUND" });
});

test("[access.3] an app with an API key in its file binds wider, once it knows which hosts it answers to", async () => {
  const store = memoryStore();
  await using app = new Nexus({ store, logger: silent, http: { allowedHosts: ["nexus.example"] } });
  const refused: any = await app.start({ host: "0.0.0.0", port: 0 }).catch((error: unknown) => error);
  expect(refused.code).toBe("BIND_REFUSED");
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(ADMIN) };
  expect((await app.fetch(new Request("http://localhost/keys", request))).status).toBe(201);
  expect(await app.start({ host: "0.0.0.0", port: 0 })).toMatchObject({ url: expect.stringContaining("0.0.0.0") });
});
