import { fakeClock } from "nexus-event-system/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Peer } from "../http/fixtures/peer.ts";
import { serve } from "../http/fixtures/site.ts";
import { CLIENTS, type Connect } from "../mcp/fixtures/clients.ts";
import { endpoint } from "../mcp/fixtures/endpoint.ts";
import { type Provider, provider } from "./fixtures/provider.ts";

let issuer: string;
let sign: Provider["sign"];
let stranger: Provider["stranger"];
let down: () => void;

beforeAll(async () => {
  const identity = await provider();
  ({ issuer, sign, stranger } = identity);
  down = () => identity[Symbol.dispose]();
});

afterAll(() => down());

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

test("[access.1] a token of the issuer is its sub, with those of its scopes that are ours", async () => {
  await using site = await serve({ auth: { jwt: { issuer, audience: "nexus" } } });
  const token = await sign({ sub: "ann", scope: "openid events:read events:emit profile" });
  expect((await site.post("/events", { type: "a", data: 1 }, bearer(token))).status).toBe(201);
  expect((await site.app.getEvents({ type: "a" })).events).toMatchObject([{ userId: "ann" }]);
  expect((await site.get("/workflows", bearer(token))).body).toMatchObject({ code: "FORBIDDEN", scope: "workflows:read" });
  const listed = await sign({ sub: "bob", scope: undefined, permissions: ["workflows:read"] });
  expect((await site.get("/workflows", bearer(listed))).status).toBe(200);
});

test.each<[string, () => Promise<string>]>([
  ["has expired", () => sign({}, { until: Math.floor(Date.now() / 1000) - 60 })],
  ["is for another audience", () => sign({ aud: "another" })],
  ["is another issuer's", () => sign({ iss: "https://another.example" })],
  ["was signed by somebody else", () => stranger({})],
  ["is not signed", async () => `${(await sign({})).split(".").slice(0, 2).join(".")}.`],
  ["says it needs no signature", async () => `${Buffer.from('{"alg":"none"}').toString("base64url")}.${(await sign({})).split(".")[1]}.x`],
  [
    "was changed",
    async () => (await sign({})).replace(/\.[^.]+\./, `.${Buffer.from('{"sub":"operator","scope":"admin"}').toString("base64url")}.`),
  ],
  ["stands for callers without credentials", () => sign({ sub: "local" })],
  ["is for a user whose name cannot be one", () => sign({ sub: "a, b" })],
  ["is no token", async () => "aaa.bbb.ccc"],
  ["is endless", async () => `${"a".repeat(9_000)}.b.c`],
])("[access.1] a token that %s is nobody's", async (_what, make) => {
  await using site = await serve({ auth: { jwt: { issuer, audience: "nexus", jwksUrl: `${issuer}/jwks` } } });
  const { status, body } = await site.get("/events", bearer(await make()));
  expect([status, body.code]).toEqual([401, "UNAUTHENTICATED"]);
});

test("[access.1] where the issuer's keys cannot be had nobody gets in, and the same call may succeed later", async () => {
  await using site = await serve({ auth: { jwt: { issuer: "http://127.0.0.1:9", audience: "nexus" } } });
  const { status, body } = await site.get("/events", bearer(await sign({})));
  expect([status, body.code, body.retryable]).toEqual([503, "SIGN_IN_UNAVAILABLE", true]);
});

test("[access.1] a WebSocket says who it is in its first frame, shows a fresh token before the first expires, and is closed when it has not", async () => {
  const clock = fakeClock();
  await using site = await serve({ clock, auth: { jwt: { issuer, audience: "nexus" } } });
  const second = (ms: number): number => Math.floor((clock.now() + ms) / 1000);
  await using peer = await Peer.open(site.url);
  expect(await peer.ask({ op: "authenticate", id: "1", credential: await sign({}, { until: second(60_000) }) })).toEqual({
    kind: "reply",
    id: "1",
    result: {},
  });
  expect(await peer.ask({ op: "subscribe", id: "2" })).toMatchObject({ kind: "resume" });
  await peer.kind("checkpoint");
  expect(await peer.ask({ op: "authenticate", id: "3", credential: await sign({ sub: "bob" }, { until: second(60_000) }) })).toMatchObject({
    code: "UNAUTHENTICATED",
  });
  expect(await peer.ask({ op: "authenticate", id: "4", credential: await sign({}, { until: second(600_000) }) })).toMatchObject({
    kind: "reply",
  });
  await clock.advance(120_000);
  expect(await peer.ask({ op: "ping", id: "5" })).toMatchObject({ kind: "reply" });
  await clock.advance(600_000);
  expect(await peer.closed).toEqual({ code: 4401, reason: "UNAUTHENTICATED" });
});

test("[access.1] a WebSocket that says at once that it is two callers is the first that is known, and no other", async () => {
  await using site = await serve({ auth: { jwt: { issuer, audience: "nexus" } } });
  await using peer = await Peer.open(site.url);
  const credentials = [await sign({ sub: "ann" }), await sign({ sub: "bob" })];
  for (const [n, credential] of credentials.entries()) peer.send({ op: "authenticate", id: String(n), credential });
  const answers = [await peer.next(), await peer.next()].map(({ kind, code }) => code ?? kind);
  expect(new Set(answers)).toEqual(new Set(["UNAUTHENTICATED", "reply"]));
});

test.each<[string, (peer: Peer) => Promise<unknown>]>([
  ["asks for something first", (peer) => peer.ask({ op: "subscribe", id: "1" })],
  ["shows what is no credential", (peer) => peer.ask({ op: "authenticate", id: "1", credential: "nexus" })],
  ["shows nothing", (peer) => peer.ask({ op: "authenticate", id: "1" })],
])("[access.1] a WebSocket that %s is closed, and learns nothing", async (_what, does) => {
  await using site = await serve({ auth: { jwt: { issuer, audience: "nexus" } } });
  await using peer = await Peer.open(site.url);
  expect(await does(peer)).toMatchObject({ kind: "problem", id: null });
  expect([4400, 4401]).toContain((await peer.closed).code);
});

test("[access.1] a WebSocket that does not say who it is within 5 s is closed", async () => {
  const clock = fakeClock();
  await using site = await serve({ clock, auth: { jwt: { issuer, audience: "nexus" } } });
  await using peer = await Peer.open(site.url);
  await clock.advance(5_000);
  expect(await peer.closed).toEqual({ code: 4401, reason: "UNAUTHENTICATED" });
});

test("[mcp.4] a webhook is granted no longer than its caller's token is good", async () => {
  await using site = await serve({ auth: { jwt: { issuer, audience: "nexus" } }, mcp: { allowLoopback: true } });
  await using target = await endpoint();
  const until = Math.floor(Date.now() / 1_000) + 600;
  await using agent = await (CLIENTS["2026-07-28"] as Connect)(site.url, bearer(await sign({}, { until })));
  const delivery = { url: target.url, secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}` };
  const { refreshBefore } = await agent.ask("events/subscribe", { name: "nexus.event", delivery });
  expect(refreshBefore).toBe(new Date(until * 1_000).toISOString());
});
