import { randomBytes } from "node:crypto";
import dns from "node:dns";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { memoryStore, type NexusOptions, type Principal } from "nexus-event-system";
import { fakeClock } from "nexus-event-system/testing";
import { afterEach, expect, test, vi } from "vitest";
import { type Reply, type Site, serve } from "../http/fixtures/site.ts";
import { type Agent, CLIENTS } from "./fixtures/clients.ts";
import { endpoint, type Post, verified } from "./fixtures/endpoint.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const connect = CLIENTS["2026-07-28"] as NonNullable<(typeof CLIENTS)[string]>;
const newSecret = (): string => `whsec_${randomBytes(32).toString("base64")}`;
const secret = newSecret();

afterEach(() => void vi.restoreAllMocks());

const RIGHTS: Readonly<Record<string, Principal["scopes"]>> = {
  some: ["events:read"],
  all: ["events:read:all"],
  none: ["workflows:read"],
  admin: ["admin"],
};

/** A site where callers sign in with a name, and what rights they have. */
function site(options: NexusOptions<any, any, any> = {}): Promise<Site> {
  const authenticate = (request: Request): Principal | undefined => {
    const [userId, rights] = (request.headers.get("authorization") ?? "").split(" ");
    if (userId === undefined || userId === "") return undefined;
    return { userId, scopes: RIGHTS[rights ?? "some"] ?? [] };
  };
  return serve({ auth: { authenticate }, mcp: { allowLoopback: true }, ...options });
}

function signedIn({ url }: Site, who = "ann"): Promise<Agent> {
  return connect(url, { authorization: who });
}

function subscribe(agent: Agent, { url }: { readonly url: string }, more: { readonly [key: string]: unknown } = {}): Promise<any> {
  return agent.ask("events/subscribe", {
    name: "nexus.event",
    arguments: { type: "tick" },
    delivery: { mode: "webhook", url, secret },
    ...more,
  });
}

/** Records so many ticks, numbered on. @returns their ids. */
async function tick({ app }: Site, count: number, options: object = {}): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push((await app.emitEvent("tick", { n }, { visibility: "public", ...options })).id);
  return ids;
}

const ids = (posts: readonly Post[]): readonly string[] => posts.map(({ message }) => message.eventId);
const refusal = (promise: Promise<unknown>): Promise<any> =>
  promise.then(
    () => "none",
    ({ code, data, message }) => ({ code, data, message }),
  );

test("[mcp.4] a webhook is posted what matches from a cursor on, in order, each with a signature that the Standard Webhooks library takes", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await tick(place, 1);
  const { cursor } = await agent.ask("events/poll", { name: "nexus.event" });
  const before = await tick(place, 3);
  const given = await subscribe(agent, target, { cursor });
  expect(given).toMatchObject({ cursor, truncated: false, id: expect.stringMatching(/^sub_[\w-]{43}$/) });
  await place.app.emitEvent("other", {}, { visibility: "public" });
  const after = await tick(place, 3);
  const taken = await target.took(6);
  expect(ids(taken)).toEqual([...before, ...after]);
  const polled = await agent.ask("events/poll", { name: "nexus.event", arguments: { type: "tick" }, cursor });
  expect(taken.map((post) => verified(secret, post))).toEqual(polled.events.map((event: any) => ({ ...event, cursor: event.data.cursor })));
  for (const { headers, message } of target.posts)
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "x-mcp-subscription-id": given.id,
      "webhook-id": message.eventId ?? expect.stringMatching(/^msg_verification_\w+$/),
    });
});

test("[mcp.4] every cursor that a webhook is posted, and every one that subscribing answers, goes on behind what was delivered", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await subscribe(agent, target);
  const all = await tick(place, 4);
  const taken = await target.took(4);
  for (const [n, { message }] of taken.entries()) {
    const rest = await agent.ask("events/poll", { name: "nexus.event", arguments: { type: "tick" }, cursor: message.cursor });
    expect(rest.events.map(({ eventId }: any) => eventId)).toEqual(all.slice(n + 1));
  }
  target.says = (message) => (message.eventId === undefined ? undefined : { status: 503 });
  const [next] = await tick(place, 1);
  await target.came(6);
  const { cursor } = await subscribe(agent, target);
  const rest = await agent.ask("events/poll", { name: "nexus.event", arguments: { type: "tick" }, cursor });
  expect(rest.events.map(({ eventId }: any) => eventId)).toEqual([next]);
});

test.each([
  ["nothing", undefined, HOUR_MS],
  ["no end", null, 24 * HOUR_MS],
  ["a moment", 1, MINUTE_MS],
  ["ten minutes", 10 * MINUTE_MS, 10 * MINUTE_MS],
  ["a year", 365 * 24 * HOUR_MS, 24 * HOUR_MS],
])("[mcp.4] whoever suggests %s is granted a time to live between a minute and a day", async (_words, ttlMs, granted) => {
  const clock = fakeClock();
  await using place = await site({ clock });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  const { refreshBefore } = await subscribe(agent, target, ttlMs === undefined ? {} : { ttlMs });
  expect(Date.parse(refreshBefore) - clock.now()).toBe(granted);
});

test("[mcp.4] renewing is the same subscription: it lives on from then, is asked nothing, and repeats nothing whatever cursor is passed", async () => {
  const clock = fakeClock();
  await using place = await site({ clock });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  const { cursor } = await agent.ask("events/poll", { name: "nexus.event" });
  const first = await subscribe(agent, target, { cursor });
  const before = await tick(place, 2);
  await target.took(2);
  await clock.advance(40 * MINUTE_MS);
  const again = await subscribe(agent, target, { cursor });
  expect(again).toMatchObject({ id: first.id, truncated: false });
  expect(again.deliveryStatus).toEqual({ active: true, lastDeliveryAt: expect.any(String), lastError: null });
  await clock.advance(40 * MINUTE_MS);
  const after = await tick(place, 2);
  expect(ids(await target.took(4))).toEqual([...before, ...after]);
  expect(target.posts.filter(({ message }) => message.type === "verification")).toHaveLength(1);
});

test("[mcp.4] one that is not renewed lapses; subscribed again with its last cursor, it goes on without a loss", async () => {
  const clock = fakeClock();
  await using place = await site({ clock });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  const { id } = await subscribe(agent, target, { ttlMs: MINUTE_MS });
  const before = await tick(place, 2);
  const cursor = (await target.took(2)).at(-1)?.message.cursor;
  await clock.advance(MINUTE_MS);
  const meanwhile = await tick(place, 2);
  const again = await subscribe(agent, target, { cursor });
  expect(again).toMatchObject({ id, truncated: false });
  expect(again.deliveryStatus).toBeUndefined();
  await target.took(4);
  const story = target.posts.map(({ message }) => message.type ?? message.eventId);
  expect(story).toEqual(["verification", ...before, "verification", ...meanwhile]);
});

test("[mcp.4] a restart ends all of them; subscribed again they have the ids they had, and go on from their cursors", async () => {
  const store = memoryStore();
  await using target = await endpoint();
  let id = "";
  let all: readonly string[] = [];
  {
    await using place = await site({ store });
    await using agent = await signedIn(place);
    ({ id } = await subscribe(agent, target));
    all = await tick(place, 2);
    await target.took(2);
  }
  await using place = await site({ store });
  all = [...all, ...(await tick(place, 2))];
  await using agent = await signedIn(place);
  const cursor = target.taken.at(-1)?.message.cursor;
  expect(await subscribe(agent, target, { cursor })).toMatchObject({ id, truncated: false });
  expect(ids(await target.took(4))).toEqual(all);
});

test("[mcp.4] a cursor that the log no longer holds, or that is of another history, is truncated: from the earliest, or live", async () => {
  const clock = fakeClock();
  await using place = await site({ clock, retention: { maxEvents: 3 } });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  const { cursor } = await agent.ask("events/poll", { name: "nexus.event" });
  await tick(place, 10);
  const floor = async (): Promise<number> => ((await place.app.getEvents({ after: "earliest", limit: 1 })).events[0]?.sequence ?? 0) - 1;
  while ((await floor()) < 7) await clock.advance(1_000);
  const kept = (await place.app.getEvents({ after: "earliest", type: "tick" })).events.map(({ id }) => id);
  expect(await subscribe(agent, target, { cursor })).toMatchObject({ truncated: true });
  expect(ids(await target.took(kept.length))).toEqual(kept);
  expect(await subscribe(agent, target, { cursor: "zzzzzzzzzz.1", arguments: { type: "tick", channel: "app" } })).toMatchObject({
    truncated: true,
  });
});

test("[mcp.4] when the log forgets what a target that is away was to get, it is told of the gap, and whoever renews is too", async () => {
  const clock = fakeClock();
  await using place = await site({ clock, retention: { maxEvents: 3 } });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await subscribe(agent, target, { ttlMs: null });
  target.says = () => ({ status: 503 });
  // More than is held in memory for readers.
  const text = "x".repeat(250 * 1024);
  for (let n = 0; n < 40; n++) await place.app.emitEvent("tick", { n, text }, { visibility: "public" });
  await target.came(2);
  const kept = async (): Promise<readonly string[]> =>
    (await place.app.getEvents({ after: "earliest", type: "tick" })).events.map(({ id }) => id);
  while ((await kept()).length > 3) await clock.advance(1_000);
  target.says = undefined;
  const taken = ids(await target.took(3, () => clock.advance(1_000)));
  expect(taken).toEqual(await kept());
  const gap = target.posts.find(({ message, status }) => message.type === "gap" && status === 204) as Post;
  expect(verified(secret, gap)).toEqual({ type: "gap", cursor: expect.any(String) });
  expect(gap.headers["webhook-id"]).toMatch(/^msg_gap_\w+$/);
  const rest = await agent.ask("events/poll", { name: "nexus.event", arguments: { type: "tick" }, cursor: gap.message.cursor });
  expect(taken).toContain(rest.events[0].eventId);
  expect(await subscribe(agent, target)).toMatchObject({ truncated: true });
  expect(await subscribe(agent, target)).toMatchObject({ truncated: false });
});

test("[mcp.4] a target that is away and comes back gets everything, in order", async () => {
  const clock = fakeClock();
  await using place = await site({ clock });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await subscribe(agent, target, { ttlMs: null });
  const all = [...(await tick(place, 2))];
  await target.took(2);
  await target.away();
  all.push(...(await tick(place, 3)));
  await clock.advance(5 * MINUTE_MS);
  await target.back();
  expect(ids(await target.took(5, () => clock.advance(1_000)))).toEqual(all);
});

test.each([401, 404, 429, 500, 302])(
  "[mcp.4] what is answered with %i is tried again, under the same id and with a new signature, and what is behind it waits",
  async (status) => {
    const clock = fakeClock();
    await using place = await site({ clock });
    await using target = await endpoint();
    await using agent = await signedIn(place);
    const { cursor } = await agent.ask("events/poll", { name: "nexus.event" });
    const all = await tick(place, 3);
    let refusals = 3;
    target.says = (message) => (message.eventId !== all[1] || refusals-- <= 0 ? undefined : { status });
    await subscribe(agent, target, { ttlMs: null, cursor });
    expect(ids(await target.took(3, () => clock.advance(1_000)))).toEqual(all);
    const tries = target.posts.filter(({ message }) => message.type === undefined);
    expect(tries.map(({ headers }) => headers["webhook-id"])).toEqual([all[0], all[1], all[1], all[1], all[1], all[2]]);
    for (const post of tries) verified(secret, post);
  },
);

test.each([410, 413])("[mcp.4] what is answered with %i is given up at once; the subscription lives on", async (status) => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await subscribe(agent, target);
  let refused = false;
  target.says = (message) => {
    if (message.eventId === undefined || refused) return undefined;
    refused = true;
    return { status };
  };
  const all = await tick(place, 2);
  expect(ids(await target.took(1))).toEqual(all.slice(1));
  expect(target.posts.map(({ message }) => message.eventId)).toEqual([undefined, ...all]);
});

test("[mcp.4] an event that twenty tries could not deliver is given up, and counted; the next one goes on", async () => {
  const clock = fakeClock();
  await using place = await site({ clock });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await subscribe(agent, target, { ttlMs: null });
  const all = await tick(place, 1);
  target.says = (message) => (message.eventId === all[0] ? { status: 500 } : undefined);
  const next = await tick(place, 1);
  expect(ids(await target.took(1, () => clock.advance(MINUTE_MS)))).toEqual(next);
  expect(target.posts.filter(({ message }) => message.eventId === all[0])).toHaveLength(20);
  const { body } = await place.get("/health", { authorization: "ops admin" });
  expect(body.counters).toMatchObject({ posts_failed: 20, posts_given_up: 1 });
});

test("[mcp.4] whoever renews is told in a word what fails and since when, and what waited is tried at once", async () => {
  const clock = fakeClock();
  await using place = await site({ clock });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await subscribe(agent, target);
  target.says = (message) => (message.eventId === undefined ? undefined : { status: 500, body: "a stack of the target's" });
  const [id] = await tick(place, 1);
  await target.came(2);
  const failedSince = new Date(clock.now()).toISOString();
  let status: any;
  do {
    target.says = undefined;
    ({ deliveryStatus: status } = await subscribe(agent, target));
  } while (status.lastError === null && target.taken.length === 0);
  expect(status).toEqual({ active: true, lastDeliveryAt: null, lastError: "http_5xx", failedSince });
  expect(ids(await target.took(1))).toEqual([id]);
});

test("[mcp.4] a new secret on renewal replaces the old one", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  const { id } = await subscribe(agent, target);
  await tick(place, 1);
  await target.took(1);
  const next = newSecret();
  expect(await subscribe(agent, target, { delivery: { url: target.url, secret: next } })).toMatchObject({ id });
  await tick(place, 1);
  const [first, second] = (await target.took(2)) as [Post, Post];
  verified(secret, first);
  expect(() => verified(next, first)).toThrow(/signature/);
  verified(next, second);
  expect(() => verified(secret, second)).toThrow(/signature/);
});

test("[mcp.4] the same caller, URL, name and arguments are one subscription, however they are written; anything else is another", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await using other = await signedIn(place, "bob");
  const idOf = async (more: object, by = agent): Promise<string> => (await subscribe(by, target, more as {})).id;
  const one = await idOf({ arguments: { type: "tick", channel: "app" } });
  expect(await idOf({ arguments: { channel: "app", type: "tick" } })).toBe(one);
  expect(await idOf({ name: "workflow.started", arguments: {} })).toBe(await idOf({ name: "workflow.started", arguments: undefined }));
  const others = [
    await idOf({ arguments: { type: "tick", channel: "app" } }, other),
    await idOf({ arguments: { type: "tick", channel: "app" }, delivery: { url: `${target.url}/2`, secret } }),
    await idOf({ arguments: { type: "tick" } }),
    await idOf({ name: "workflow.started", arguments: { channel: "app" } }),
  ];
  expect(new Set([one, ...others]).size).toBe(5);
  // One for each caller and URL.
  expect(target.posts.filter(({ message }) => message.type === "verification")).toHaveLength(3);
});

test("[mcp.4] unsubscribing ends a subscription; what is not there, or is another's, is not found, and goes on", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await using other = await signedIn(place, "bob");
  const named = { name: "nexus.event", arguments: { type: "tick" }, delivery: { url: target.url } };
  const notFound = { code: -32_011, data: { kind: "subscription" } };
  const { id, cursor } = await subscribe(agent, target);
  expect(await refusal(other.ask("events/unsubscribe", named))).toMatchObject(notFound);
  const first = await tick(place, 1);
  expect(ids(await target.took(1))).toEqual(first);
  expect(await agent.ask("events/unsubscribe", named)).not.toHaveProperty("id");
  expect(await refusal(agent.ask("events/unsubscribe", named))).toMatchObject(notFound);
  await tick(place, 1);
  const another = await subscribe(agent, target, { cursor, arguments: { type: "tick", channel: "app" } });
  await target.took(3);
  expect(target.taken.map(({ headers }) => headers["x-mcp-subscription-id"])).toEqual([id, another.id, another.id]);
  await agent.ask("events/unsubscribe", { ...named, arguments: { type: "tick", channel: "app" } });
  await target.forsaken();
});

test("[mcp.4] a webhook is posted what its caller may see, and after a renewal what they may see then", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await using auditor = await signedIn(place, "ann all");
  await subscribe(agent, target);
  const [shown] = await tick(place, 1);
  await tick(place, 1, { visibility: "owner", userId: "bob" });
  const [own] = await tick(place, 1, { visibility: "owner", userId: "ann" });
  await target.took(2);
  await subscribe(auditor, target);
  const [others] = await tick(place, 1, { visibility: "owner", userId: "bob" });
  await target.took(3);
  await subscribe(agent, target);
  await tick(place, 1, { visibility: "owner", userId: "bob" });
  const [last] = await tick(place, 1);
  expect(ids(await target.took(4))).toEqual([shown, own, others, last]);
});

test("[mcp.4] a renewal with fewer rights holds for what was read before it", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await using auditor = await signedIn(place, "ann all");
  const { cursor } = await agent.ask("events/poll", { name: "nexus.event" });
  const hidden = new Set(await tick(place, 300, { visibility: "owner", userId: "bob" }));
  await subscribe(auditor, target, { cursor });
  await subscribe(agent, target);
  const posted = (): number => ids(target.posts).filter((id) => hidden.has(id)).length;
  // One may be under way.
  const most = posted() + 1;
  const [shown] = await tick(place, 1);
  while (!ids(target.taken).includes(shown as string)) await target.came(target.posts.length + 1);
  expect(posted()).toBeLessThanOrEqual(most);
  expect(most).toBeLessThan(300);
});

test("[mcp.4] an event that waits for its next try is not posted once its caller may no longer see it", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await using auditor = await signedIn(place, "ann all");
  await subscribe(auditor, target);
  target.says = (message) => (message.eventId === undefined ? undefined : { status: 503, headers: { "retry-after": "3600" } });
  const [hidden] = await tick(place, 1, { visibility: "owner", userId: "bob" });
  await target.came(2);
  target.says = undefined;
  await subscribe(agent, target);
  const [shown] = await tick(place, 1);
  expect(ids(await target.took(1))).toEqual([shown]);
  expect(target.posts.filter(({ message }) => message.eventId === hidden)).toHaveLength(1);
});

/** A key of Ann's. */
async function newKey(place: Site, more: object = {}): Promise<any> {
  const make = (key: object): Promise<Reply> => place.post("/keys", key, { authorization: "ops admin" });
  // The first one must be an administrator's.
  await make({ userId: "ops", scopes: ["admin"] });
  return (await make({ userId: "ann", scopes: ["events:read"], ...more })).body;
}

test("[mcp.4] a webhook whose caller's key is revoked is posted no further event, but that it is over; with a new key it goes on", async () => {
  await using place = await site();
  await using target = await endpoint();
  const [old, next] = [await newKey(place), await newKey(place)];
  await using agent = await signedIn(place, `Bearer ${old.key}`);
  const { id } = await subscribe(agent, target);
  await tick(place, 1);
  const cursor = (await target.took(1))[0]?.message.cursor;
  await place.post(`/keys/${old.id}/revoke`, undefined, { authorization: "ops admin" });
  const missed = await tick(place, 2);
  const last = (await target.came(3)).at(-1) as Post;
  expect(verified(secret, last)).toMatchObject({ type: "terminated", error: { code: -32_012, data: { reason: "access revoked" } } });
  expect(last.headers).toMatchObject({ "x-mcp-subscription-id": id, "webhook-id": expect.stringMatching(/^msg_terminated_\w+$/) });
  await target.forsaken();
  await using again = await signedIn(place, `Bearer ${next.key}`);
  const begun = await subscribe(again, target, { cursor });
  expect(begun).toMatchObject({ id, truncated: false });
  expect(begun.deliveryStatus).toBeUndefined();
  expect(ids(await target.took(3)).slice(1)).toEqual(missed);
});

test("[mcp.4] a webhook is not granted longer than its caller's credential is good, and ends with it quietly", async () => {
  const clock = fakeClock();
  await using place = await site({ clock });
  await using target = await endpoint();
  const { key, expiresAt } = await newKey(place, { expiresInMs: 5 * MINUTE_MS });
  await using agent = await signedIn(place, `Bearer ${key}`);
  await clock.advance(MINUTE_MS);
  expect(await subscribe(agent, target)).toMatchObject({ refreshBefore: new Date(expiresAt).toISOString() });
  await tick(place, 1);
  await target.took(1);
  await clock.advance(4 * MINUTE_MS);
  await tick(place, 1);
  await target.forsaken();
  expect(target.posts).toHaveLength(2);
});

test.each([
  ["http://hooks.example.com/"],
  ["https://10.0.0.1/"],
  ["https://169.254.169.254/latest/meta-data"],
  ["https://127.0.0.1/"],
  ["http://127.0.0.1/"],
  ["https://localhost/"],
  ["https://[::1]/"],
  ["https://ann:hunter2@hooks.example.com/"],
  ["ftp://hooks.example.com/"],
  ["hooks.example.com"],
])("[mcp.4] a webhook to %s is refused before anything is sent", async (url) => {
  await using place = await site({ mcp: {} });
  await using agent = await signedIn(place);
  const refused = await refusal(subscribe(agent, { url }));
  expect(refused).toMatchObject({ code: -32_602 });
  expect(JSON.stringify(refused)).not.toContain("hunter2");
});

/** From here on this name has this address. */
function named(name: string, address: string): void {
  vi.restoreAllMocks();
  const real = dns.lookup;
  vi.spyOn(dns, "lookup").mockImplementation(((asked: string, options: object, done: (error: null, found: object[]) => void) =>
    asked === name ? done(null, [{ address, family: 4 }]) : real(asked, options, done as never)) as never);
}

test("[mcp.4] a name whose address is private is not dialled, and is told as a connection that was refused", async () => {
  await using place = await site();
  await using agent = await signedIn(place);
  named("hooks.example.com", "10.0.0.1");
  expect(await refusal(subscribe(agent, { url: "https://hooks.example.com/" }))).toMatchObject({
    code: -32_015,
    data: { reason: "connection_refused" },
  });
});

test("[mcp.4] a name whose address becomes a private one is not dialled; the event waits until it is again what it was", async () => {
  const clock = fakeClock();
  await using place = await site({ clock });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  const at = { url: `http://localhost:${target.port}/hook` };
  named("localhost", "127.0.0.1");
  await subscribe(agent, at, { ttlMs: null });
  named("localhost", "169.254.169.254");
  const all = await tick(place, 1);
  let status: any;
  do ({ deliveryStatus: status } = await subscribe(agent, at, { ttlMs: null }));
  while (status.lastError === null);
  expect(status).toMatchObject({ active: true, lastError: "connection_refused" });
  expect(target.posts).toHaveLength(1);
  named("localhost", "127.0.0.1");
  expect(ids(await target.took(1, () => clock.advance(1_000)))).toEqual(all);
});

test.each([
  ["does not say the challenge", { status: 200, body: "{}" }, "challenge_failed"],
  ["says another", { status: 200, body: JSON.stringify({ challenge: "x" }) }, "challenge_failed"],
  ["says no JSON", { status: 200, body: "ok" }, "challenge_failed"],
  ["says null", { status: 200, body: "null" }, "challenge_failed"],
  ["knows nothing of it", { status: 404 }, "http_4xx"],
  ["sends it elsewhere", { status: 307, headers: { location: "/elsewhere" } }, "http_4xx"],
  ["breaks", { status: 500 }, "http_5xx"],
] as const)("[mcp.4] an endpoint that %s when it is asked gets nothing else", async (_what, answer, reason) => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  target.says = () => answer;
  expect(await refusal(subscribe(agent, target))).toMatchObject({ code: -32_015, data: { reason } });
  await tick(place, 1);
  target.says = undefined;
  await subscribe(agent, target);
  const next = await tick(place, 1);
  expect(ids(await target.took(1))).toEqual(next);
  expect(target.posts.map(({ message }) => message.type)).toEqual(["verification", "verification", undefined]);
  expect(target.posts.map(({ path }) => path)).toEqual(["/hook", "/hook", "/hook"]);
});

test("[mcp.4] an endpoint that is not there, hangs, or has a certificate that nobody trusts, is told so in a word", async () => {
  const clock = fakeClock();
  const file = (name: string): string => readFileSync(join(import.meta.dirname, "../sinks/fixtures", name), "utf8");
  await using place = await site({ clock });
  await using target = await endpoint();
  await using secure = await endpoint({ key: file("localhost-key.pem"), cert: file("localhost-cert.pem") });
  await using agent = await signedIn(place);
  const said = async (at: { readonly url: string }): Promise<any> => await refusal(subscribe(agent, at));
  expect(await said({ url: `https://localhost:${secure.port}/` })).toMatchObject({ code: -32_015, data: { reason: "tls_error" } });
  target.says = () => "nothing";
  const hanging = said(target);
  await target.came(1);
  await clock.advance(10_000);
  expect(await hanging).toMatchObject({ code: -32_015, data: { reason: "timeout" } });
  await target.away();
  expect(await said(target)).toMatchObject({ code: -32_015, data: { reason: "connection_refused" } });
});

test.each([
  "hunter2-hunter2",
  "whsec_hunter2!",
  `whsec_${Buffer.alloc(23, 7).toString("base64")}`,
  `whsec_${Buffer.alloc(65, 7).toString("base64")}`,
])("[mcp.4] %s is no secret, and no error shows it", async (bad) => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await subscribe(agent, target);
  for (const name of ["nexus.event", "workflow.started"]) {
    const refused = await refusal(subscribe(agent, target, { name, arguments: {}, delivery: { url: target.url, secret: bad } }));
    expect(refused).toMatchObject({ code: -32_602 });
    expect(JSON.stringify(refused)).not.toContain(bad);
  }
  expect(target.posts).toHaveLength(1);
});

test("[mcp.4] neither the secret of a webhook nor its path is in a log, an event or the health", async () => {
  const lines: string[] = [];
  const log = (...told: unknown[]): void =>
    void lines.push(told.map((one) => `${JSON.stringify(one)}${String((one as any)?.error?.stack)}`).join());
  await using place = await site({ clock: fakeClock(), logger: { debug: log, info: log, warn: log, error: log } });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  const at = { url: `${target.url}/path-hunter2?token=query-hunter2` };
  const { id } = await subscribe(agent, at);
  target.says = (message) => (message.eventId === undefined ? undefined : { status: 410, body: `${secret} path-hunter2` });
  await tick(place, 1);
  await target.came(2);
  await subscribe(agent, at);
  target.says = undefined;
  await tick(place, 1);
  await target.took(1);
  expect(lines.join()).toContain(id);
  const told = [
    ...lines,
    JSON.stringify((await place.app.getEvents({ limit: 1000 })).events),
    JSON.stringify((await place.get("/health", { authorization: "ops admin" })).body),
  ].join();
  for (const word of [secret.slice("whsec_".length), "hunter2"]) expect(told).not.toContain(word);
});

test("[mcp.4] without credentials, or without the scope to read events, webhooks are Forbidden, and no event type offers them", async () => {
  await using open = await serve({ mcp: { allowLoopback: true } });
  await using place = await site();
  await using target = await endpoint();
  const offers = async (agent: Agent): Promise<unknown> =>
    new Set((await agent.ask("events/list")).events.map((type: any) => String(type.delivery)));
  await using anyone = await connect(open.url);
  await using agent = await signedIn(place);
  await using other = await signedIn(place, "bob none");
  expect(await offers(anyone)).toEqual(new Set(["poll,push"]));
  expect(await offers(agent)).toEqual(new Set(["poll,push,webhook"]));
  for (const caller of [anyone, other]) {
    expect(await refusal(subscribe(caller, target))).toMatchObject({ code: -32_012 });
    expect(await refusal(caller.ask("events/subscribe", {}))).toMatchObject({ code: -32_012 });
    expect(await refusal(caller.ask("events/unsubscribe", {}))).toMatchObject({ code: -32_012 });
  }
  expect(target.posts).toEqual([]);
});

test.each([
  [{ name: "no.such" }, -32_011, { kind: "event" }],
  [{ delivery: { mode: "push", url: "https://hooks.example.com/", secret } }, -32_014, { feature: "deliveryMode", value: "push" }],
  [{ arguments: { colour: "red" } }, -32_602, { code: "FILTER_INVALID" }],
  [{ cursor: "no cursor" }, -32_602, { code: "CURSOR_INVALID" }],
  [{ delivery: undefined }, -32_602, { code: "REQUEST_INVALID" }],
])("[mcp.4] subscribing with %j is refused", async (more, code, data) => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  expect(await refusal(subscribe(agent, target, more))).toMatchObject({ code, data });
  expect(target.posts).toEqual([]);
});

test("[mcp.4] a caller has a hundred webhooks at most, told before another endpoint is asked; one that is ended makes room", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  const nth = (n: number): { readonly arguments: object } => ({ arguments: { correlationId: `c${n}` } });
  for (let n = 0; n < 100; n++) await subscribe(agent, target, nth(n));
  const more = { ...nth(100), delivery: { url: `${target.url}/more`, secret } };
  expect(await refusal(subscribe(agent, target, more))).toMatchObject({ code: -32_013, data: { limit: "subscriptions", max: 100 } });
  expect(target.posts).toHaveLength(1);
  await subscribe(agent, target, nth(99));
  await using other = await signedIn(place, "bob");
  await subscribe(other, target, nth(100));
  await agent.ask("events/unsubscribe", { name: "nexus.event", ...nth(0), delivery: { url: target.url } });
  await subscribe(agent, target, more);
});

test("[mcp.4] the same asked for twice at once is one subscription, and one question", async () => {
  await using place = await site();
  await using target = await endpoint();
  await using agent = await signedIn(place);
  const given = await Promise.all(Array.from({ length: 5 }, () => subscribe(agent, target)));
  expect(new Set(given.map(({ id }) => id)).size).toBe(1);
  expect(given.filter(({ deliveryStatus }) => deliveryStatus === undefined)).toHaveLength(1);
  const all = await tick(place, 3);
  expect(ids(await target.took(3))).toEqual(all);
  expect(target.posts).toHaveLength(4);
});

test("[mcp.4] whoever unsubscribes is posted nothing more, and let go of", async () => {
  await using place = await site({ clock: fakeClock() });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await subscribe(agent, target);
  await tick(place, 1);
  await target.took(1);
  target.says = () => "nothing";
  await tick(place, 2);
  await target.came(3);
  await agent.ask("events/unsubscribe", { name: "nexus.event", arguments: { type: "tick" }, delivery: { url: target.url } });
  await target.forsaken();
  expect(target.posts).toHaveLength(3);
});

test("[mcp.4] stop() ends webhooks, also while a target hangs or is being asked, and says nothing of it", async () => {
  const errors: unknown[] = [];
  const silent = (): void => {};
  const logger = { debug: silent, info: silent, warn: silent, error: (...told: unknown[]) => void errors.push(told) };
  await using place = await site({ clock: fakeClock(), logger });
  await using target = await endpoint();
  await using agent = await signedIn(place);
  await subscribe(agent, target);
  target.says = () => "nothing";
  await tick(place, 2);
  await target.came(2);
  const asked = refusal(subscribe(agent, { url: `${target.url}/other` }));
  await target.came(3);
  await place.app.stop();
  expect(await asked).not.toBe("none");
  await target.forsaken();
  expect(target.posts.map(({ message }) => message.type)).toEqual(["verification", undefined, "verification"]);
  expect(errors).toEqual([]);
});
