import { fakeClock } from "nexus-event-system/testing";
import { expect, test } from "vitest";
import { Peer } from "../http/fixtures/peer.ts";
import { serve } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { testClock } from "../workflows/test-clock.ts";
import { authenticate, cookie, guarded } from "./fixtures/people.ts";
import { provider } from "./fixtures/provider.ts";

const limits = { callsPerSecond: 10, streams: 2 };

test("[access.5] a caller who calls too often is told when to come back, in the header too; others are not held up", async () => {
  const clock = fakeClock();
  await using site = await guarded({ clock, limits });
  const [ann, bob] = [site.as("ann"), site.as("bob")];
  const statuses: number[] = [];
  for (let i = 0; i < 25; i++) statuses.push((await ann.get("/events")).status);
  // What was not used for two seconds, at once.
  expect(statuses).toEqual([...Array<number>(20).fill(200), ...Array<number>(5).fill(429)]);
  const refused = await ann.ask("GET", "/events");
  expect(refused.body).toMatchObject({ code: "RATE_LIMITED", retryable: true, retryAfterMs: 100 });
  expect(refused.headers.get("retry-after")).toBe("1");
  expect((await bob.get("/events")).status).toBe(200);
  await clock.advance(100);
  expect([(await ann.get("/events")).status, (await ann.get("/events")).status]).toEqual([200, 429]);
});

test("[access.5] a clock that is set back keeps nobody waiting until it is that time again", async () => {
  const clock = testClock();
  await using site = await guarded({ clock, limits });
  const ann = site.as("ann");
  await ann.get("/events");
  clock.advance(-3_600_000);
  const statuses: number[] = [];
  for (let i = 0; i < 21; i++) statuses.push((await ann.get("/events")).status);
  expect(statuses).toEqual([...Array<number>(20).fill(200), 429]);
});

test("[access.5] the same bound holds over every channel together: a WebSocket and MCP spend of the same calls", async () => {
  const clock = fakeClock();
  await using site = await guarded({ clock, limits });
  for (let i = 0; i < 20; i++) await site.as("ann").get("/events");
  await using peer = await Peer.open(site.url, { headers: cookie("ann") });
  expect(await peer.ask({ op: "emit", id: "1", input: { type: "a", data: 1 } })).toMatchObject({ code: "RATE_LIMITED" });
  expect(await peer.ask({ op: "subscribe", id: "2" })).toMatchObject({ code: "RATE_LIMITED" });
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "nexus_list_events", arguments: {} } };
  const headers = { ...cookie("ann"), "content-type": "application/json", accept: "application/json, text/event-stream" };
  const response = await fetch(`${site.url}/mcp`, { method: "POST", headers, body: JSON.stringify(call) });
  expect(await response.text()).toContain("RATE_LIMITED");
});

test("[access.5] a caller has so many streams at once, over all channels; one that ends makes room", async () => {
  await using site = await guarded({ limits });
  await using first = await Stream.open(`${site.url}/events/stream`, cookie("ann"));
  await first.frame();
  await using second = await Peer.open(site.url, { headers: cookie("ann") });
  await second.ask({ op: "ping", id: "1" });
  const refused = await site.get("/events/stream", cookie("ann"));
  expect([refused.status, refused.body.code, refused.body.what]).toEqual([503, "OVERLOADED", "streams of one caller"]);
  await using bobs = await Stream.open(`${site.url}/events/stream`, cookie("bob"));
  expect(await bobs.frame()).toMatchObject({ event: "resume" });
  expect((await site.as("operator").get("/health")).body.counters).toMatchObject({ streams_refused: 1 });
});

test("[access.5] a WebSocket that says in its first frame who it is counts from then on, and is closed when it is one too many", async () => {
  using identity = await provider();
  await using site = await serve({ auth: { jwt: { issuer: identity.issuer, audience: "nexus" } }, limits: { streams: 2 } });
  const [ann, bob] = [await identity.sign({}), await identity.sign({ sub: "bob", scope: "admin" })];
  const opened = async (credential: string): Promise<{ peer: Peer; answer: unknown }> => {
    const peer = await Peer.open(site.url);
    return { peer, answer: await peer.ask({ op: "authenticate", id: "1", credential }) };
  };
  const taken = { kind: "reply", id: "1", result: {} };
  const first = await opened(ann);
  const second = await opened(ann);
  expect([first.answer, second.answer]).toEqual([taken, taken]);
  // Once more of the same connection is no further one.
  expect(await second.peer.ask({ op: "authenticate", id: "2", credential: ann })).toMatchObject({ kind: "reply" });

  const third = await opened(ann);
  expect(third.answer).toMatchObject({ id: null, code: "OVERLOADED", what: "streams of one caller" });
  expect(await third.peer.closed).toEqual({ code: 4503, reason: "OVERLOADED" });
  expect((await site.get("/events/stream", { authorization: `Bearer ${ann}` })).body.code).toBe("OVERLOADED");
  expect((await opened(bob)).answer).toEqual(taken);
  expect((await site.get("/health", { authorization: `Bearer ${bob}` })).body).toMatchObject({ counters: { streams_refused: 2 } });

  await first.peer[Symbol.asyncDispose]();
  await expect.poll(async () => (await opened(ann)).answer).toEqual(taken);
});

test("[access.5] an address that fails again and again to say who it is waits, whoever it says it is", async () => {
  const clock = fakeClock();
  await using site = await guarded({ clock });
  const statuses = new Set<number>();
  for (let i = 0; i < 105; i++) statuses.add((await site.get("/events", { authorization: `Bearer nexus_${i}` })).status);
  expect([...statuses]).toEqual([401, 429]);
  // Whoever is somebody is not held up by those at the same address.
  expect((await site.as("ann").get("/events")).status).toBe(200);
});

test("[access.5] behind a proxy that is trusted the address is the one that it tells; of anyone else that is not believed", async () => {
  const told = async (trustedProxies: readonly string[], forwarded: string): Promise<unknown> => {
    await using site = await serve({ auth: { authenticate }, http: { trustedProxies } });
    await site.get("/events", { "x-forwarded-for": forwarded });
    const denied = await site.app.waitForEvent("access.denied", { after: "earliest" });
    return (denied?.data as { readonly address?: string } | undefined)?.address;
  };
  expect(await told([], "203.0.113.9")).toBe("127.0.0.1");
  expect(await told(["127.0.0.0/8"], "198.51.100.1, 203.0.113.9")).toBe("203.0.113.9");
  expect(await told(["127.0.0.1", "203.0.113.9"], "198.51.100.1, 203.0.113.9")).toBe("198.51.100.1");
  expect(await told(["127.0.0.1"], "nonsense")).toBe("127.0.0.1");
});

test("[access.5] who was refused, and why, is told to operators once a minute, with how often, and without a secret", async () => {
  const clock = fakeClock();
  await using site = await guarded({ clock });
  for (let i = 0; i < 3; i++) await site.as("ann").get("/consumers");
  await site.get("/events", { authorization: "Bearer nexus_000000000000_secret" });
  await clock.advance(60_000);
  await site.app.waitForEvent("access.denied", { match: { count: 2 }, after: "earliest" });
  const { events } = await site.app.getEvents({ type: "access.denied" });
  expect(events.map(({ userId, visibility, data }) => ({ userId, visibility, ...(data as object) }))).toEqual([
    { userId: "ann", visibility: "operators", code: "FORBIDDEN", scope: "admin", count: 1 },
    { userId: undefined, visibility: "operators", code: "UNAUTHENTICATED", address: "127.0.0.1", count: 1 },
    { userId: "ann", visibility: "operators", code: "FORBIDDEN", scope: "admin", count: 2 },
  ]);
  expect(JSON.stringify(events)).not.toContain("secret");
});
