import { defineWorkflow } from "nexus-event-system";
import { fakeClock } from "nexus-event-system/testing";
import { describe, expect, test, vi } from "vitest";
import { cookie, guarded, SCOPES } from "../access/fixtures/people.ts";
import { answerOf, Line, Messages } from "./fixtures/wire.ts";

type At = Awaited<ReturnType<typeof guarded>>;

const MINUTE_MS = 60_000;
const EVENTS = "nexus://events";

/** A connection of 2025-11-25. */
function open(at: At, name: string): Promise<Line> {
  return Line.open(at.url, "2025-11-25", cookie(name));
}

async function isThere(line: Line): Promise<boolean> {
  return (await line.ask("ping")).status === 200;
}

async function statusOfNew(at: At, name: string): Promise<number> {
  return (await Line.to(at.url, "2025-11-25", cookie(name)).initialize()).status;
}

/** Until the server has noticed that clients are gone. */
async function streams(at: At, count: number): Promise<void> {
  await vi.waitFor(async () => expect((await at.as("operator").get("/health")).body.streams).toBe(count), { timeout: 10_000 });
}

describe.each([
  ["of two users", "ann", "bob"],
  ["of one user", "ann", "ann"],
])("two connections %s", (_of, one, other) => {
  test("[mcp.6] answers to requests with the same ids at once each go to who asked", async () => {
    await using at = await guarded();
    const lines = [await open(at, one), await open(at, other)];
    const ask = async (line: Line, n: number, id: number): Promise<number> =>
      (await line.call("nexus_run_workflow", { workflow: "double", inputs: { n } }, id)).message.result.structuredContent.result.doubled;
    const asked = lines.flatMap((line, which) => Array.from({ length: 20 }, (_, id) => ask(line, 1_000 * which + id, id)));
    expect(await Promise.all(asked)).toEqual([0, 1].flatMap((which) => Array.from({ length: 20 }, (_, id) => 2 * (1_000 * which + id))));
  });

  test("[mcp.6] [mcp.3] progress under the same token goes to who waits", async () => {
    const clock = fakeClock();
    await using at = await guarded({ clock });
    const lines = [await open(at, one), await open(at, other)];
    const runs = await Promise.all(lines.map((_, n) => at.app.startRun("endless", { n }, { userId: [one, other][n] as string })));
    const waiting = await Promise.all(
      lines.map((line, n) =>
        line.stream("tools/call", {
          name: "nexus_wait_for_events",
          arguments: { filter: { runId: runs[n]?.runId, type: "workflow.cancelled" } },
          _meta: { progressToken: "same" },
        }),
      ),
    );
    // One of them ends, and the other is told on and on.
    await runs[0]?.cancel();
    const first = waiting[0] as Messages;
    const second = waiting[1] as Messages;
    await clock.advance(200);
    const ended = await first.rest();
    expect(ended.at(-1).result.structuredContent.events).toMatchObject([{ runId: runs[0]?.runId }]);
    for (let n = 0; n < 3; n++) {
      await clock.advance(10_000);
      expect(await second.next()).toMatchObject({ method: "notifications/progress", params: { progressToken: "same" } });
    }
    // What came to the first was its own alone: one token, one end.
    expect(ended.filter(({ id }) => id !== undefined)).toHaveLength(1);
  });

  test("[mcp.6] a stream hears of what its own connection watches, and at the level that was set on it", async () => {
    await using at = await guarded();
    const [line, quiet] = [await open(at, one), await open(at, other)];
    await using heard = new Messages(await line.get());
    await using heardByQuiet = new Messages(await quiet.get());
    await line.ask("resources/subscribe", { uri: "nexus://workflows" });
    await quiet.ask("resources/subscribe", { uri: EVENTS });
    await quiet.ask("logging/setLevel", { level: "warning" });
    await at.app.broadcastEvent("hello", 1);
    expect(await heard.next()).toMatchObject({ method: "notifications/message", params: { level: "notice", data: { type: "hello" } } });
    expect(await heardByQuiet.next()).toMatchObject({ method: "notifications/resources/updated", params: { uri: EVENTS } });
    await quiet.ask("logging/setLevel", { level: "debug" });
    await at.app.broadcastEvent("again", 1);
    expect(await heard.next()).toMatchObject({ params: { data: { type: "again" } } });
    expect(await heardByQuiet.of("notifications/message")).toMatchObject({ params: { data: { type: "again" } } });
  });
});

test("[mcp.6] another's connection is answered byte for byte as one that is not there, and goes on", async () => {
  await using at = await guarded();
  const ann = await open(at, "ann");
  await using stream = new Messages(await ann.get());
  const asBob = (session: string): Line => ann.as(session, cookie("bob"));
  const theirs = asBob(ann.session as string);
  const none = asBob("0198f3a4-0000-7000-8000-000000000000");
  const whole = async (response: Response): Promise<readonly unknown[]> => {
    const headers = [...response.headers].filter(([name]) => name !== "date");
    return [response.status, headers, await response.text()];
  };
  const ways: readonly ((line: Line) => Promise<Response>)[] = [
    (line) => line.send(line.request("tools/list", {}, 1)),
    (line) => line.send(line.request("resources/subscribe", { uri: EVENTS }, 1)),
    (line) => line.tell("notifications/cancelled", { requestId: 1 }),
    (line) => line.send([line.request("ping", {}, 1)]),
    (line) => line.get(),
    (line) => line.get({ "last-event-id": "1" }),
    (line) => line.delete(),
  ];
  for (const way of ways) {
    const answer = await whole(await way(theirs));
    expect(answer[0]).toBe(404);
    expect(answer).toEqual(await whole(await way(none)));
  }
  expect(await isThere(ann)).toBe(true);
  await at.app.broadcastEvent("hello", 1);
  expect(await stream.next()).toMatchObject({ params: { data: { type: "hello" } } });
});

test("[mcp.6] nobody chooses the id of a connection: one that the server did not give opens none", async () => {
  await using at = await guarded();
  const chosen = Line.to(at.url, "2025-11-25", cookie("bob")).as("chosen");
  expect((await chosen.initialize()).status).toBe(404);
  // Neither for who chose it, nor for who is led to it.
  for (const name of ["ann", "bob"]) expect((await chosen.as("chosen", cookie(name)).ask("ping")).status).toBe(404);
});

test("[mcp.6] what a connection is asked is asked by who sends it: with fewer rights it is answered less", async () => {
  await using at = await guarded({
    auth: { authenticate: (request) => ({ userId: "ann", scopes: (request.headers.get("cookie") ?? "").split(" ") as never }) },
  });
  const full = await Line.open(at.url, "2025-11-25", { cookie: "events:read workflows:read" });
  await full.ask("resources/subscribe", { uri: EVENTS });
  const less = full.as(full.session, { cookie: "workflows:read" });
  expect((await less.call("nexus_list_events")).text).toContain("FORBIDDEN");
  // Its stream hears of no event either: neither what is watched nor what is for everyone.
  await using stream = new Messages(await less.get());
  await at.app.broadcastEvent("hello", 1);
  at.app.register(defineWorkflow("later", () => 1));
  expect(await stream.next()).toMatchObject({ method: "notifications/resources/list_changed" });
});

test("[mcp.6] nothing is sent a second time: streams have no ids to come back with, and Last-Event-ID brings nothing", async () => {
  await using at = await guarded();
  const ann = await open(at, "ann");
  const first = await ann.get();
  const reader = first.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  await at.app.broadcastEvent("first", 1);
  expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^event: message\ndata: [^\n]*"first"[^\n]*\n\n$/);
  await reader.cancel();
  await streams(at, 0);
  await at.app.broadcastEvent("missed", 1);
  for (const id of ["0", "1", "_GET_stream", "_GET_stream_0"]) {
    await using again = new Messages(await ann.get({ "last-event-id": id }));
    await at.app.broadcastEvent(id.replace("_GET", "x"), 1);
    expect(await again.next()).toMatchObject({ params: { data: { type: id.replace("_GET", "x") } } });
    await again[Symbol.asyncDispose]();
    await streams(at, 0);
  }
});

test("[mcp.6] DELETE ends a connection with all that goes on over it", async () => {
  await using at = await guarded();
  const ann = await open(at, "ann");
  await using stream = new Messages(await ann.get());
  await using events = await ann.stream("events/stream", { name: "nexus.event" }, 7);
  await events.of("notifications/events/active");
  const wait = { name: "nexus_wait_for_events", arguments: { filter: { type: "never" } }, _meta: { progressToken: 1 } };
  await using waiting = await ann.stream("tools/call", wait, 8);
  await waiting.of("notifications/progress");
  expect((await ann.delete()).status).toBe(200);
  expect(await stream.rest()).toEqual([]);
  expect((await events.rest()).filter(({ id }) => id !== undefined)).toEqual([]);
  expect(await waiting.rest()).toEqual([]);
  expect(await isThere(ann)).toBe(false);
  expect((await ann.delete()).status).toBe(404);
  await streams(at, 0);
});

describe("how many there are", () => {
  test("[mcp.6] a caller has 100: the longest unused goes first, and nobody else's", async () => {
    const clock = fakeClock();
    await using at = await guarded({ clock });
    const bob = await open(at, "bob");
    const lines: Line[] = [];
    for (let n = 0; n < 100; n++) {
      lines.push(await open(at, "ann"));
      await clock.advance(1);
    }
    // The oldest is used, so that the second is the longest unused.
    expect(await isThere(lines[0] as Line)).toBe(true);
    await clock.advance(1);
    const newest = await open(at, "ann");
    expect(await Promise.all([newest, lines[0], lines[1], lines[2], bob].map((line) => isThere(line as Line)))).toEqual([
      true,
      true,
      false,
      true,
      true,
    ]);
  });

  test("[mcp.6] those that are opened at once count, too", async () => {
    await using at = await guarded();
    // In one turn, as no network brings them.
    const ann = Line.to(at.url, "2025-11-25", cookie("ann"), (request) => at.app.fetch(request));
    const opened = await Promise.all(Array.from({ length: 250 }, () => ann.initialize()));
    const given = opened.filter(({ status }) => status === 200).map(({ headers }) => headers.get("mcp-session-id") as string);
    for (const { status, message } of opened) if (status !== 200) expect([status, message.code]).toEqual([503, "OVERLOADED"]);
    const there = await Promise.all(given.map((session) => isThere(ann.as(session))));
    expect(there.filter(Boolean)).toHaveLength(100);
  });

  test("[mcp.6] what is no whole initialize opens none", async () => {
    await using at = await guarded();
    const there = await open(at, "ann");
    const ann = Line.to(at.url, "2025-11-25", cookie("ann"));
    const whole = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } };
    for (let n = 0; n < 120; n++) {
      const response = await ann.send(ann.request("initialize", whole, n), { accept: "text/html" });
      expect([response.status, response.headers.get("mcp-session-id")]).toEqual([406, null]);
    }
    expect(await isThere(there)).toBe(true);
  });

  test("[mcp.6] where all 100 are in use a new one is OVERLOADED, and fits again when one is not", async () => {
    await using at = await guarded();
    const opened = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const line = await open(at, "ann");
        return { line, stream: new Messages(await line.get()) };
      }),
    );
    const refused = await Line.to(at.url, "2025-11-25", cookie("ann")).initialize();
    expect([refused.status, refused.message.code, refused.headers.get("retry-after")]).toEqual([503, "OVERLOADED", "5"]);
    expect(await statusOfNew(at, "bob")).toBe(200);
    await opened[3]?.stream[Symbol.asyncDispose]();
    await streams(at, 99);
    await open(at, "ann");
    expect(await isThere(opened[3]?.line as Line)).toBe(false);
    expect(await isThere(opened[4]?.line as Line)).toBe(true);
    await Promise.all(opened.map(({ stream }) => stream[Symbol.asyncDispose]()));
  });

  test("[mcp.6] a server has 1,000: the longest unused of anyone goes, and where all are in use a new one is OVERLOADED", {
    timeout: 120_000,
  }, async () => {
    const clock = fakeClock();
    await using at = await guarded({ clock });
    const people = [...SCOPES.map((scope) => `only-${scope}`), "ann", "bob"];
    const lines: Line[] = [];
    for (const name of people) {
      lines.push(...(await Promise.all(Array.from({ length: 100 }, () => open(at, name)))));
      await clock.advance(1);
    }
    expect(lines).toHaveLength(1_000);
    lines.push(await open(at, "herald"));
    const there = await Promise.all(lines.map(isThere));
    // One of those that were opened first had to go.
    expect(there.flatMap((is, n) => (is ? [] : [Math.floor(n / 100)]))).toEqual([0]);
    const left = lines.filter((_, n) => there[n]);
    const opened = await Promise.all(left.map(async (line) => new Messages(await line.get())));
    expect(await statusOfNew(at, "operator")).toBe(503);
    await opened[500]?.[Symbol.asyncDispose]();
    await streams(at, 999);
    expect(await statusOfNew(at, "operator")).toBe(200);
    await Promise.all(opened.map((stream) => stream[Symbol.asyncDispose]()));
  });
});

describe("how long they last", () => {
  test("[mcp.6] one that was not used for 30 minutes is over; each use counts", async () => {
    const clock = fakeClock();
    await using at = await guarded({ clock });
    const [used, unused] = [await open(at, "ann"), await open(at, "ann")];
    await clock.advance(20 * MINUTE_MS);
    expect(await isThere(used)).toBe(true);
    await clock.advance(10 * MINUTE_MS);
    expect([await isThere(used), await isThere(unused)]).toEqual([true, false]);
    await clock.advance(30 * MINUTE_MS - 1);
    expect(await isThere(used)).toBe(true);
    await clock.advance(30 * MINUTE_MS);
    expect(await isThere(used)).toBe(false);
  });

  test("[mcp.6] an open stream keeps it, and its end does not", async () => {
    const clock = fakeClock();
    await using at = await guarded({ clock });
    const ann = await open(at, "ann");
    for (const end of [false, true]) {
      const stream = new Messages(await ann.get());
      await clock.advance(45 * MINUTE_MS);
      expect(await isThere(ann)).toBe(true);
      await stream[Symbol.asyncDispose]();
      await streams(at, 0);
      await clock.advance(end ? 30 * MINUTE_MS : 29 * MINUTE_MS);
      expect(await isThere(ann)).toBe(!end);
    }
  });

  test("[mcp.6] requests whose client is gone keep nothing: neither the connection nor a place among 100 streams", async () => {
    const clock = fakeClock();
    await using at = await guarded({ clock });
    const ann = await open(at, "ann");
    for (let round = 0; round < 2; round++) {
      const gone = new AbortController();
      const left = Array.from({ length: 100 }, (_, id) =>
        ann.send(ann.request("events/stream", { name: "nexus.event" }, `${round}-${id}`), {}, gone.signal),
      );
      for (const stream of left) await new Messages(await stream).of("notifications/events/active");
      gone.abort();
      await streams(at, 0);
    }
    await using stream = await ann.stream("events/stream", { name: "nexus.event" });
    expect(await stream.next()).toMatchObject({ method: "notifications/events/active" });
    await stream[Symbol.asyncDispose]();
    await streams(at, 0);
    await clock.advance(30 * MINUTE_MS);
    expect(await isThere(ann)).toBe(false);
  });

  test("[mcp.6] [mcp.2] what its client takes back is not answered, and its stream ends", async () => {
    await using at = await guarded();
    const ann = await open(at, "ann");
    const waiting = ann.send(
      ann.request("tools/call", { name: "nexus_wait_for_events", arguments: { filter: { type: "never" } } }, "mine"),
    );
    const stream = await ann.stream("events/stream", { name: "nexus.event" }, "too");
    await stream.of("notifications/events/active");
    for (const requestId of ["mine", "too", "not asked", 0])
      expect((await ann.tell("notifications/cancelled", { requestId })).status).toBe(202);
    expect(await answerOf(await waiting)).toMatchObject({ status: 200, messages: [] });
    expect(await stream.rest()).toEqual([]);
    await streams(at, 0);
    // The id can be used again.
    expect((await ann.call("nexus_list_workflows", {}, "mine")).message).toMatchObject({ id: "mine", result: {} });
  });
});

test.each([
  ["2026-07-28", "events/stream", { name: "nexus.event" }],
  ["2025-11-25", "events/stream", { name: "nexus.event" }],
  ["2026-07-28", "subscriptions/listen", { notifications: { resourcesListChanged: true } }],
] as const)("[mcp.6] in %s a caller has 100 of %s open, and another caller as many", async (era, method, params) => {
  await using at = await guarded();
  const [ann, bob] = [await Line.open(at.url, era, cookie("ann")), await Line.open(at.url, era, cookie("bob"))];
  const begin = async (line: Line, count: number): Promise<Messages[]> => {
    const begun = await Promise.all(Array.from({ length: count }, (_, id) => line.stream(method, params, id)));
    for (const stream of begun) expect((await stream.next()).method).toMatch(/active|acknowledged/);
    return begun;
  };
  const opened = await begin(ann, 100);
  const { status, message } = await ann.ask(method, params, "one more");
  if (method === "events/stream") expect(message).toMatchObject({ id: "one more", error: { code: -32013, data: { limit: "streams" } } });
  else expect([status, message.code, message.retryable]).toEqual([503, "OVERLOADED", true]);
  opened.push(...(await begin(bob, 1)));
  await opened[0]?.[Symbol.asyncDispose]();
  await streams(at, 100);
  opened.push(...(await begin(ann, 1)));
  await Promise.all(opened.map((stream) => stream[Symbol.asyncDispose]()));
  await streams(at, 0);
});

test.concurrent.each([
  ["2026-07-28", "events/stream", { name: "nexus.event" }],
  ["2025-11-25", "events/stream", { name: "nexus.event" }],
  ["2026-07-28", "subscriptions/listen", { notifications: { resourceSubscriptions: [EVENTS] } }],
  ["2025-11-25", "GET", {}],
] as const)(
  "[access.1] [mcp.6] in %s %s is cut when the key it was opened with is revoked, and the connection with it is nobody's",
  {
    timeout: 30_000,
  },
  async (era, method, params) => {
    await using at = await guarded();
    const operator = at.as("operator");
    const { id, key } = (await operator.post("/keys", { userId: "ann", scopes: ["admin"] })).body;
    const line = await Line.open(at.url, era, { authorization: `Bearer ${key}` });
    const stream = method === "GET" ? new Messages(await line.get()) : await line.stream(method, params);
    await at.app.broadcastEvent("hello", 1);
    await stream.next();
    expect((await operator.post(`/keys/${id}/revoke`)).status).toBe(200);
    expect((await line.ask("tools/list")).status).toBe(401);
    await expect(stream.rest()).rejects.toThrow();
    await streams(at, 0);
  },
);
