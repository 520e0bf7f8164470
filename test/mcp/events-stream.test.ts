import { fakeClock } from "nexus-event-system/testing";
import { expect, test, vi } from "vitest";
import { cookie, guarded } from "../access/fixtures/people.ts";
import { serve } from "../http/fixtures/site.ts";
import { trimmedStore } from "../http/fixtures/trimmed-store.ts";
import { double } from "../http/fixtures/workflows.ts";
import { queryOf } from "../wire/readers.ts";
import { CLIENTS, type Notice } from "./fixtures/clients.ts";
import { ACTIVE, EVENT, emit, HEARTBEAT, lineTo, numbers, pages, poll, SUBSCRIPTION_ID, taken, upTo } from "./fixtures/events.ts";
import { answerOf, Line, Messages } from "./fixtures/wire.ts";

const connect = CLIENTS["2026-07-28"] as NonNullable<(typeof CLIENTS)[string]>;
const OF_A = { name: "nexus.event", arguments: { type: "a" } };
const HEARTBEAT_MS = 15_000;
/** Streams, where callers are known. */
const MOST_OF_ONE = 100;
const large = "x".repeat(32 * 1024);
/** Far more than what is kept in memory for readers at the end. */
const EVENTS = 400;

test("[mcp.4] a stream begins with active, and each of its notifications names the request that it belongs to", async () => {
  const clock = fakeClock();
  await using site = await serve({ clock });
  await using stream = await lineTo(site).stream("events/stream", OF_A, "mine");
  const active = await stream.next();
  expect(active).toMatchObject({ method: ACTIVE, params: { truncated: false, cursor: expect.any(String) } });
  await emit(site, "a", 1);
  const event = await stream.next();
  await clock.advance(HEARTBEAT_MS);
  const heartbeat = await stream.next();
  expect([event.method, heartbeat.method]).toEqual([EVENT, HEARTBEAT]);
  for (const { params } of [active, event, heartbeat]) expect(params._meta).toEqual({ [SUBSCRIPTION_ID]: "mine" });
});

test("[mcp.4] an event comes with its id, its name, its time and its cursor, and is the event of the log", async () => {
  await using site = await serve();
  await using stream = await lineTo(site).stream("events/stream", OF_A);
  await stream.of(ACTIVE);
  const [{ id, cursor }] = await emit(site, "a", 1);
  const [event] = (await site.get("/events?type=a")).body.events;
  const { _meta, ...told } = (await stream.of(EVENT)).params;
  expect(told).toEqual({ eventId: id, name: "nexus.event", timestamp: new Date(event.timestamp).toISOString(), cursor, data: event });
});

test("[mcp.4] from any cursor on, a stream gives each event once and in order, history and live alike", async () => {
  await using site = await serve();
  const receipts = await emit(site, "a", 60);
  await emit(site, "b", 5);
  const line = lineTo(site);
  const start = (await line.stream("events/stream", { ...OF_A, cursor: receipts[9].cursor })) as Messages;
  const first = await taken(start, 20);
  await start[Symbol.asyncDispose]();
  await using stream = await line.stream("events/stream", { ...OF_A, cursor: first.at(-1).cursor });
  const emitting = emit(site, "a", 40, 60);
  const rest = await taken(stream, 70);
  await emitting;
  expect(numbers([...first, ...rest])).toEqual(upTo(90, 10));
});

test("[mcp.4] the client of others gets the same: what it asked for, and after a break what it has not had", async () => {
  await using site = await serve();
  await using agent = await connect(site.url);
  const { cursor } = await agent.ask("events/poll", OF_A);
  await emit(site, "a", 3);
  const seen: any[] = [];
  const stream = async (from: string, until: number): Promise<void> => {
    const gone = new AbortController();
    const heard = new Promise<void>((resolve) =>
      agent.onNotice(({ method, params }) => {
        if (method !== EVENT || gone.signal.aborted) return;
        seen.push(params);
        if (seen.length === until) resolve();
      }),
    );
    const asked = agent.ask("events/stream", { ...OF_A, cursor: from }, { signal: gone.signal });
    await Promise.race([heard, asked]);
    gone.abort();
    await expect(asked).rejects.toThrow();
  };
  await stream(cursor, 3);
  await emit(site, "a", 4, 3);
  await stream(seen.at(-1).cursor, 7);
  expect(numbers(seen)).toEqual(upTo(7));
});

test("[mcp.4] a heartbeat tells every 15 s how far it is, also past what it skipped; from there on nothing is missed", async () => {
  const clock = fakeClock();
  await using site = await serve({ clock });
  const line = lineTo(site);
  await using stream = await line.stream("events/stream", OF_A);
  const { cursor: beginning } = (await stream.next()).params;
  await emit(site, "a", 1);
  await emit(site, "b", 3);
  await clock.advance(3 * HEARTBEAT_MS);
  expect((await stream.next()).method).toBe(EVENT);
  const beats = [await stream.next(), await stream.next(), await stream.next()];
  expect(beats.map(({ method }) => method)).toEqual([HEARTBEAT, HEARTBEAT, HEARTBEAT]);
  const { cursor } = beats.at(-1).params;
  expect(cursor).not.toBe(beginning);
  // All of the log is before it.
  expect((await poll(line, { name: "nexus.event", cursor })).events).toEqual([]);
  await emit(site, "a", 2, 1);
  await using again = await line.stream("events/stream", { ...OF_A, cursor });
  expect(numbers(await taken(again, 2))).toEqual([1, 2]);
  expect(numbers((await poll(line, { ...OF_A, cursor })).events)).toEqual([1, 2]);
});

test.each(["a raw request", "the client of others"])(
  "[mcp.4] [mcp.6] %s that is closed ends its stream, and makes room for another",
  async (by) => {
    await using site = await guarded();
    const line = Line.to(site.url, "2026-07-28", cookie("ann"));
    const others = await Promise.all(upTo(MOST_OF_ONE - 1).map(() => line.stream("events/stream", OF_A)));
    for (const stream of others) await stream.of(ACTIVE);
    const isRefused = async (): Promise<boolean> => {
      const response = await line.send(line.request("events/stream", OF_A, 1));
      if (response.headers.get("content-type") === "application/json") return (await answerOf(response)).message.error.code === -32013;
      await response.body?.cancel();
      return false;
    };
    const close = await (by === "a raw request" ? openRaw(line) : openWithClient(site.url));
    expect(await isRefused()).toBe(true);
    await close();
    await vi.waitFor(async () => expect(await isRefused()).toBe(false), { timeout: 20_000 });
    for (const stream of others) await stream[Symbol.asyncDispose]();
  },
);

/** @returns what closes it. */
async function openRaw(line: Line): Promise<() => Promise<void>> {
  const stream = await line.stream("events/stream", OF_A);
  await stream.of(ACTIVE);
  return () => stream[Symbol.asyncDispose]();
}

async function openWithClient(url: string): Promise<() => Promise<void>> {
  const agent = await connect(url, cookie("ann"));
  const active = new Promise<Notice>((resolve) => agent.onNotice(resolve));
  const gone = new AbortController();
  const asked = agent.ask("events/stream", OF_A, { signal: gone.signal });
  await Promise.race([active, asked]);
  return async () => {
    gone.abort();
    await expect(asked).rejects.toThrow();
    await agent[Symbol.asyncDispose]();
  };
}

test("[mcp.4] a stream that the floor overtakes says truncated, and goes on from the earliest", async () => {
  const { store, trim } = trimmedStore();
  await using site = await serve({ store });
  const line = lineTo(site);
  const body = line.request("events/stream", { name: "nexus.event", arguments: { type: "large" } }, 1);
  const headers = { ...line.headersFor(body), "content-type": "application/json", accept: "application/json, text/event-stream" };
  // Without a connection between them, so that it is known what the reader has not taken.
  const request = new Request("http://localhost/mcp", { method: "POST", headers, body: JSON.stringify(body) });
  await using stream = new Messages(await site.app.fetch(request));
  let floor = 0;
  for (const n of upTo(EVENTS)) {
    const { sequence } = await site.app.emitEvent("large", { n, large });
    if (n === 100) floor = sequence;
  }
  await trim(floor);
  expect(await stream.next()).toMatchObject({ method: ACTIVE, params: { truncated: false } });
  const before: any[] = [];
  let message = await stream.next();
  for (; message.method === EVENT; message = await stream.next()) before.push(message.params);
  expect(numbers(before)).toEqual(upTo(before.length));
  expect(before.length).toBeLessThan(100);
  expect(message).toMatchObject({ method: ACTIVE, params: { truncated: true, cursor: expect.stringContaining(`.${floor}`) } });
  const after = upTo(EVENTS - 101, 101);
  expect(numbers(await taken(stream, after.length))).toEqual(after);
});

test("[mcp.4] stop() ends a stream with its result", async () => {
  await using site = await serve();
  const stream = await lineTo(site).stream("events/stream", OF_A, 7);
  await stream.of(ACTIVE);
  await emit(site, "a", 2);
  await site.app.stop({ deadlineMs: 0 });
  const messages = await stream.rest();
  expect(messages.map(({ method, id }) => method ?? id)).toEqual([EVENT, EVENT, 7]);
  expect(messages.at(-1).result).toBeDefined();
});

test("[mcp.4] two streams at once do not mix", async () => {
  await using site = await serve();
  const line = lineTo(site);
  await using as = await line.stream("events/stream", OF_A, "as");
  await using bs = await line.stream("events/stream", { name: "nexus.event", arguments: { type: "b" } }, "bs");
  await using agent = await connect(site.url);
  const notices: Notice[] = [];
  const gone = new AbortController();
  const heard = new Promise<void>((resolve) =>
    agent.onNotice((notice) => {
      notices.push(notice);
      if (notices.filter(({ method }) => method === EVENT).length === 20) resolve();
    }),
  );
  const cursor = (await as.next()).params.cursor;
  const asked = ["a", "b"].map((type) =>
    agent.ask("events/stream", { name: "nexus.event", arguments: { type }, cursor }, { signal: gone.signal }),
  );
  for (const n of upTo(20)) await site.app.emitEvent(n % 2 === 0 ? "a" : "b", { n });
  for (const [stream, type, id] of [
    [as, "a", "as"],
    [bs, "b", "bs"],
  ] as const) {
    const events = await taken(stream, 10);
    expect(numbers(events)).toEqual(upTo(20).filter((n) => n % 2 === (type === "a" ? 0 : 1)));
    for (const { _meta } of events) expect(_meta).toEqual({ [SUBSCRIPTION_ID]: id });
  }
  await Promise.race([heard, ...asked]);
  gone.abort();
  await Promise.allSettled(asked);
  const types = new Map<unknown, Set<string>>();
  for (const { method, params } of notices) {
    const id = params._meta[SUBSCRIPTION_ID];
    const of = types.get(id) ?? new Set();
    types.set(id, method === EVENT ? of.add(params.data.type) : of);
  }
  expect([...types.values()].map((of) => [...of].join()).toSorted()).toEqual(["a", "b"]);
});

test.each([
  {},
  { type: "order.*" },
  { type: ["order.paid", "workflow.completed"] },
  { workflow: "double" },
  { userId: "local" },
  { type: "workflow.*", channel: "api" },
  { broadcast: "only" },
  { type: "order.*", broadcast: "include" },
])("[mcp.4] [subscription.6] for %j a poll and a stream give what GET /events does", async (filter) => {
  await using site = await serve({ workflows: [double] });
  const line = lineTo(site);
  const { cursor } = await poll(line, { name: "nexus.event" });
  for (const n of upTo(70)) await site.app.emitEvent(n % 2 === 0 ? "order.paid" : "order.sent", { n });
  await site.app.broadcastEvent("news", { n: 70 });
  await site.app.execute("double", { n: 1 });
  await site.post("/workflows/double/execute", { inputs: { n: 2 } });
  await site.app.settled();
  // What an agent looks at shows broadcasts, unless it asks for something narrower.
  const query = "type" in filter || "broadcast" in filter ? filter : { ...filter, broadcast: "include" };
  const { events } = (await site.get(`/events?${queryOf({ ...query, after: cursor, limit: "1000" })}`)).body;
  expect(events.length).toBeGreaterThan(0);
  const asked = { name: "nexus.event", arguments: filter };
  const polled = (await pages(line, asked, cursor)).flatMap((page) => page.events);
  expect(polled.map(({ data }) => data)).toEqual(events);
  await using stream = await line.stream("events/stream", { ...asked, cursor });
  expect((await taken(stream, events.length)).map(({ data }) => data)).toEqual(events);
});
