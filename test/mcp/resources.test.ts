import { defineWorkflow } from "nexus-event-system";
import { fakeClock } from "nexus-event-system/testing";
import { describe, expect, test, vi } from "vitest";
import { cookie, guarded } from "../access/fixtures/people.ts";
import { ROWS } from "../access/rows.ts";
import { type Agent, CLIENTS, type Notice } from "./fixtures/clients.ts";
import { ERAS, type Era, Line, Messages } from "./fixtures/wire.ts";

type At = Awaited<ReturnType<typeof guarded>>;

const EVENTS = "nexus://events";
const UPDATED = "notifications/resources/updated";
const LIST_CHANGED = "notifications/resources/list_changed";
const LOG = "notifications/message";

function later(name: string): ReturnType<typeof defineWorkflow> {
  return defineWorkflow(name, () => name);
}

/** Watches resources as one of two eras does. */
async function watch(line: Line, uris: readonly string[]): Promise<Messages> {
  if (line.era === "2026-07-28") {
    const stream = await line.stream("subscriptions/listen", {
      notifications: { resourceSubscriptions: uris, resourcesListChanged: true },
    });
    expect((await stream.next()).method).toBe("notifications/subscriptions/acknowledged");
    return stream;
  }
  const stream = new Messages(await line.get());
  for (const uri of uris) expect((await line.ask("resources/subscribe", { uri })).message.result).toEqual({});
  return stream;
}

async function watching(at: At, era: Era, name: string, uris: readonly string[]): Promise<Messages> {
  return await watch(await Line.open(at.url, era, cookie(name)), uris);
}

/** The next one that changed, but for what everyone is told. */
async function updated(stream: Messages): Promise<string> {
  return (await stream.of(UPDATED)).params.uri;
}

describe.each(Object.entries(CLIENTS))("the client of %s", (_client, connect) => {
  async function read(agent: Agent, uri: string): Promise<any> {
    const { contents } = await agent.ask("resources/read", { uri });
    expect(contents).toEqual([{ uri, mimeType: "application/json", text: expect.any(String) }]);
    return JSON.parse(contents[0].text);
  }

  test("[mcp.5] every resource reads as its operation answers, and is listed, by itself or as a template", async () => {
    await using at = await guarded({ clock: fakeClock() });
    await using agent = await connect(at.url, cookie("ann"));
    const runId = await ROWS["runs.get"]?.make?.(at.app, "ann");
    await at.app.waitForEvent("step.started", { match: {}, after: "earliest" });
    const sessionId = await ROWS["sessions.get"]?.make?.(at.app, "ann");
    for (let n = 0; n < 60; n++) await at.app.emitEvent("a", n, { userId: "ann" });
    const { cursor } = (await at.as("ann").get("/events?type=a&order=asc&after=earliest&limit=3")).body;
    const resources: readonly (readonly [uri: string, path: string])[] = [
      [EVENTS, "/events?limit=50"],
      [`${EVENTS}?limit=7`, "/events?limit=7"],
      [`${EVENTS}?after=${cursor}`, `/events?limit=50&after=${cursor}`],
      [`${EVENTS}?after=earliest&limit=7`, "/events?after=earliest&limit=7"],
      [`${EVENTS}?limit=7&after=${cursor}`, `/events?limit=7&after=${cursor}`],
      ["nexus://workflows", "/workflows"],
      ["nexus://workflows/double", "/workflows/double"],
      [`nexus://runs/${runId}`, `/runs/${runId}`],
      [`nexus://runs/${runId}/events`, `/runs/${runId}/events?limit=50`],
      [`nexus://sessions/${sessionId}`, `/sessions/${sessionId}`],
    ];
    for (const [uri, path] of resources) expect([uri, await read(agent, uri)]).toEqual([uri, (await at.as("ann").get(path)).body]);
    const { resources: fixed } = await agent.ask("resources/list");
    expect(fixed.map(({ uri }: { uri: string }) => uri)).toEqual(
      expect.arrayContaining([EVENTS, "nexus://workflows", "nexus://workflows/double"]),
    );
    for (const { uri } of fixed) await read(agent, uri);
    const { resourceTemplates } = await agent.ask("resources/templates/list");
    expect(resourceTemplates.map(({ uriTemplate }: { uriTemplate: string }) => uriTemplate)).toEqual([
      "nexus://events{?after,limit}",
      "nexus://workflows/{name}",
      "nexus://runs/{runId}",
      "nexus://runs/{runId}/events",
      "nexus://sessions/{sessionId}",
    ]);
  });

  test.each([
    "nexus://",
    "nexus://events/",
    "nexus://events?order=desc",
    "nexus://events?limit=1&type=a",
    "nexus://events#newest",
    "nexus://workflows/",
    "nexus://workflows/none",
    "nexus://workflows/double?limit=1",
    "nexus://runs/none",
    "nexus://runs/none/events",
    "nexus://runs/none/steps",
    "nexus://runs/none/events?limit=1",
    "nexus://sessions/none",
    "nexus://constructor",
    "file:///etc/passwd",
    "http://127.0.0.1/",
  ])("[mcp.5] %s is not found", async (uri) => {
    await using at = await guarded();
    await using agent = await connect(at.url, cookie("ann"));
    await expect(agent.ask("resources/read", { uri })).rejects.toMatchObject({ code: -32602, data: { uri } });
  });

  test.each([
    ["nexus://events?limit=0", "REQUEST_INVALID"],
    ["nexus://events?limit=many", "REQUEST_INVALID"],
    ["nexus://events?after=here", "CURSOR_INVALID"],
  ])("[mcp.5] %s is refused as over HTTP: %s", async (uri, code) => {
    await using at = await guarded();
    await using agent = await connect(at.url, cookie("ann"));
    await expect(agent.ask("resources/read", { uri })).rejects.toMatchObject({ code: -32602, data: { code } });
  });

  test("[mcp.5] whoever watches resources hears that they changed, and whoever listens of workflows that come and go", async () => {
    await using at = await guarded();
    await using agent = await connect(at.url, cookie("ann"));
    const runId = (await ROWS["runs.get"]?.make?.(at.app, "ann")) as string;
    await at.app.waitForEvent("step.started", { match: {}, after: "earliest" });
    const sessionId = (await ROWS["sessions.get"]?.make?.(at.app, "ann")) as string;
    const heard: Notice[] = [];
    agent.onNotice((notice) => heard.push(notice));
    const uris = [
      EVENTS,
      "nexus://workflows",
      "nexus://workflows/later",
      `nexus://runs/${runId}`,
      `nexus://runs/${runId}/events`,
      `nexus://sessions/${sessionId}`,
    ];
    await agent.listen(uris);
    await vi.waitFor(async () => expect((await at.as("operator").get("/health")).body.streams).toBe(1));
    /** What is heard by all that is done. */
    const hears = async (act: () => Promise<unknown>, expected: readonly string[]): Promise<void> => {
      heard.length = 0;
      await act();
      const told = (): ReadonlySet<string> => new Set(heard.map(({ method, params }) => params?.uri ?? method));
      await vi.waitFor(() => expect(told()).toEqual(new Set(expected)));
      for (const { method, params } of heard) if (method === UPDATED) expect(Object.keys(params)).not.toContain("contents");
    };
    await hears(() => at.app.emitEvent("a", 1, { userId: "ann" }), [EVENTS]);
    await hears(() => at.app.sessions.update(sessionId, { b: 2 }), [EVENTS, `nexus://sessions/${sessionId}`]);
    await hears(() => at.app.runs.cancel(runId), [EVENTS, `nexus://runs/${runId}`, `nexus://runs/${runId}/events`]);
    const workflows = [EVENTS, "nexus://workflows", "nexus://workflows/later", LIST_CHANGED];
    await hears(async () => at.app.register(later("later")), workflows);
    await hears(async () => at.app.unregister("later"), workflows);
  });
});

describe.each(ERAS)("%s", (era) => {
  test("[mcp.5] [access.2] each change is told only to those who see it", async () => {
    await using at = await guarded();
    const run = (await ROWS["runs.get"]?.make?.(at.app, "ann")) as string;
    const session = (await ROWS["sessions.get"]?.make?.(at.app, "ann")) as string;
    const uris = [EVENTS, `nexus://runs/${run}`, `nexus://runs/${run}/events`, `nexus://sessions/${session}`, "nexus://workflows/mine"];
    await using ann = await watching(at, era, "ann", uris);
    await using bob = await watching(at, era, "bob", uris);
    await using auditor = await watching(at, era, "auditor", uris);
    await at.app.sessions.update(session, { b: 2 });
    for (const stream of [ann, auditor])
      expect([await updated(stream), await updated(stream)].sort()).toEqual([EVENTS, `nexus://sessions/${session}`]);
    await at.app.runs.cancel(run);
    for (const stream of [ann, auditor])
      expect([await updated(stream), await updated(stream)].sort()).toEqual([`nexus://runs/${run}`, `nexus://runs/${run}/events`].sort());
    await at.app.emitEvent("a", 1, { userId: "bob", visibility: "operators" });
    // The first that bob hears of is the first of his own.
    await at.app.emitEvent("a", 1, { userId: "bob" });
    expect((await bob.next()).params.uri).toBe(EVENTS);
    at.app.register(later("mine"));
    expect((await bob.next()).params.uri).toBe("nexus://workflows/mine");
  });

  test("[mcp.5] of one address at most four changes are told a second, and the last always", async () => {
    const clock = fakeClock();
    await using at = await guarded({ clock });
    const session = (await ROWS["sessions.get"]?.make?.(at.app, "ann")) as string;
    const uris = [EVENTS, `nexus://sessions/${session}`];
    const line = await Line.open(at.url, era, cookie("ann"), (request) => at.app.fetch(request));
    await using stream = await watch(line, uris);
    const heard: (readonly [uri: string, time: number])[] = [];
    const hearing = (async () => {
      for (;;) heard.push([await updated(stream), clock.now()]);
    })().catch(() => {}); // The test is over.
    const begun = clock.now();
    const changed = new Map<string, number>();
    // Both at paces of their own, so that one is due while the other is told.
    for (let n = 0; n < 120; n++) {
      if (n % 3 === 1) await at.app.emitEvent("a", n, { userId: "ann" });
      if (n % 7 < 2) {
        await at.app.sessions.update(session, { n });
        changed.set(uris[1] as string, clock.now());
      }
      changed.set(EVENTS, clock.now());
      await clock.advance(70);
    }
    await clock.advance(5_000);
    for (const uri of uris) {
      const times = heard.filter(([of]) => of === uri).map(([, time]) => time);
      expect(times.length).toBeGreaterThan((120 * 70) / 1_000);
      for (const [n, time] of times.entries())
        expect(times.filter((other) => other >= time && other < time + 1_000).length, `${uri} ${n}`).toBeLessThanOrEqual(4);
      expect(times.at(-1)).toBeGreaterThanOrEqual(changed.get(uri) as number);
      expect((times.at(-1) as number) - (changed.get(uri) as number)).toBeLessThanOrEqual(500);
      expect(times[0]).toBeLessThan(begun + 1_000);
    }
    await stream[Symbol.asyncDispose]();
    await hearing;
  });

  test("[mcp.5] what comes at once is told once, and once more when there is time for it", async () => {
    const clock = fakeClock();
    await using at = await guarded({ clock });
    await using stream = await watch(await Line.open(at.url, era, cookie("ann"), (request) => at.app.fetch(request)), [
      EVENTS,
      "nexus://workflows",
    ]);
    for (let n = 0; n < 500; n++) await at.app.emitEvent("a", n, { userId: "ann" });
    expect(await updated(stream)).toBe(EVENTS);
    at.app.register(later("one"));
    expect(await updated(stream)).toBe("nexus://workflows");
    await clock.advance(250);
    expect(await updated(stream)).toBe(EVENTS);
    await clock.advance(10_000);
    at.app.register(later("two"));
    expect([await updated(stream), await updated(stream)].sort()).toEqual([EVENTS, "nexus://workflows"]);
  });

  test("[mcp.5] 1,000 can be watched at once, by addresses of 1,000 characters", async () => {
    await using at = await guarded();
    const line = await Line.open(at.url, era, cookie("ann"));
    const address = (n: number): string => `nexus://runs/${n}`.padEnd(1_000, "x");
    const uris = [EVENTS, ...Array.from({ length: 999 }, (_, n) => address(n))];
    await using stream = await watch(line, uris);
    await at.app.emitEvent("a", 1, { userId: "ann" });
    expect(await updated(stream)).toBe(EVENTS);
    const more = async (all: readonly string[]): Promise<any> =>
      era === "2026-07-28"
        ? (await line.ask("subscriptions/listen", { notifications: { resourceSubscriptions: all } }, "more")).message
        : (await line.ask("resources/subscribe", { uri: all.at(-1) }, "more")).message;
    expect(await more([...uris, "nexus://workflows"])).toMatchObject({ id: "more", error: { code: -32602, message: /1000 resources/ } });
    if (era === "2025-11-25") await line.ask("resources/unsubscribe", { uri: uris[5] });
    expect(await more([`${address(1)}x`])).toMatchObject({ id: "more", error: { code: -32602, message: /1000 characters/ } });
    if (era === "2026-07-28") return;
    // Again is no more, and one that is given up makes room.
    expect((await more([EVENTS])).result).toEqual({});
    expect((await more(["nexus://workflows"])).result).toEqual({});
  });
});

describe("2025-11-25", () => {
  test("[mcp.5] what is no longer watched is not heard of", async () => {
    await using at = await guarded();
    const line = await Line.open(at.url, "2025-11-25", cookie("ann"));
    await using stream = await watch(line, [EVENTS, "nexus://workflows"]);
    await line.ask("resources/unsubscribe", { uri: EVENTS });
    await line.ask("resources/unsubscribe", { uri: "nexus://runs/none" });
    await at.app.emitEvent("a", 1, { userId: "ann" });
    at.app.register(later("one"));
    expect((await stream.next()).params.uri).toBe("nexus://workflows");
  });

  test("[mcp.5] what was watched before there is a stream, and on the stream before this one, is heard of on this one", async () => {
    await using at = await guarded();
    const line = await Line.open(at.url, "2025-11-25", cookie("ann"));
    await line.ask("resources/subscribe", { uri: EVENTS });
    for (let n = 0; n < 2; n++) {
      await using stream = new Messages(await line.get());
      await at.app.emitEvent("a", n, { userId: "ann" });
      expect(await updated(stream)).toBe(EVENTS);
      await stream[Symbol.asyncDispose]();
      await vi.waitFor(async () => expect((await at.as("operator").get("/health")).body.streams).toBe(0));
    }
  });

  test("[mcp.5] broadcasts are shown to everyone with a stream, as log messages, from the level on that was set", async () => {
    await using at = await guarded();
    const lines = await Promise.all(["ann", "bob", "operator"].map((name) => Line.open(at.url, "2025-11-25", cookie(name))));
    const streams = await Promise.all(lines.map(async (line) => new Messages(await line.get())));
    const event = await at.app.broadcastEvent("hello", { text: "all" }, { userId: "ann" });
    for (const stream of streams)
      expect(await stream.next()).toMatchObject({
        method: LOG,
        params: { level: "notice", logger: "nexus", data: { id: event.id, type: "hello", data: { text: "all" }, broadcast: true } },
      });
    await at.app.emitEvent("secret", 1, { userId: "ann" });
    await at.app.emitEvent("public", 1, { visibility: "public" });
    for (const [n, level] of ["debug", "notice", "warning"].entries()) await lines[n]?.ask("logging/setLevel", { level });
    await at.app.broadcastEvent("second", 1);
    for (const stream of streams.slice(0, 2)) expect((await stream.next()).params.data.type).toBe("second");
    at.app.register(later("one"));
    // Of those that are shown, the one who wants warnings gets none.
    expect((await (streams[2] as Messages).next()).method).toBe(LIST_CHANGED);
    await Promise.all(streams.map((stream) => stream[Symbol.asyncDispose]()));
  });
});
