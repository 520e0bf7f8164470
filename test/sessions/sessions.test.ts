import { defineWorkflow, type JsonObject, memoryStore, Nexus, NexusError } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { failure, quiet, STORES } from "../workflows/scene.ts";

function open(options: object = {}): Nexus {
  return new Nexus({ store: memoryStore(), logger: quiet, ...options }) as Nexus;
}

const UNKNOWN = "s-01980000-0000-7000-8000-000000000000";

test("[session.3] what is asked of a session is an event of it, and its record tells the place it is true for", async () => {
  await using app = open();
  const heard: string[] = [];
  app.onSessionCreated((event) => heard.push(`created ${event.userId} ${JSON.stringify(event.initialData)}`));
  app.onSessionUpdated((event) => heard.push(`updated ${JSON.stringify(event.changes)} ${event.joined ?? ""}`));
  app.onSessionEnded((event) => heard.push(`ended ${event.reason} ${event.workflowCount}`));
  const session = await app.sessions.create({ userId: "ann", data: { theme: "dark", n: 1 }, metadata: { k: "v" }, ttlMs: 60_000 });
  expect(session).toEqual({
    id: session.id,
    userId: "ann",
    data: { theme: "dark", n: 1 },
    metadata: { k: "v" },
    channels: ["app"],
    createdAt: session.createdAt,
    endsAt: expect.closeTo(session.createdAt + 60_000, -2),
    workflowCount: 0,
    cursor: session.cursor,
  });
  expect((await app.sessions.update(session.id, { theme: null, b: { c: 1 } })).data).toEqual({ n: 1, b: { c: 1 } });
  expect((await app.sessions.update(session.id, ({ n }) => ({ n: Number(n) + 1 }))).data).toEqual({ n: 2, b: { c: 1 } });
  expect((await app.sessions.join(session.id, "cli")).channels).toEqual(["app", "cli"]);
  // Who is there already joins nothing.
  expect((await app.sessions.join(session.id, "cli")).channels).toEqual(["app", "cli"]);
  const ended = await app.sessions.end(session.id);
  expect(ended).toMatchObject({ data: { n: 2, b: { c: 1 } }, ended: "ended", endsAt: expect.closeTo(Date.now(), -4) });
  expect(await app.sessions.get(session.id)).toEqual({ ...ended, cursor: expect.any(String) });
  expect((await app.getEvents({ after: session.cursor, sessionId: session.id })).events.map(({ type, data }) => [type, data])).toEqual([
    ["session.updated", { changes: { theme: null, b: { c: 1 } } }],
    ["session.updated", { changes: { n: 2 } }],
    ["session.updated", { changes: {}, joined: "cli" }],
    ["session.ended", { reason: "ended", durationMs: expect.any(Number), workflowCount: 0 }],
  ]);
  await app.settled();
  expect(heard).toEqual([
    'created ann {"theme":"dark","n":1}',
    'updated {"theme":null,"b":{"c":1}} ',
    'updated {"n":2} ',
    "updated {} cli",
    "ended ended 0",
  ]);
});

test("[session.2] a session ends once, and nothing follows its end", async () => {
  await using app = open();
  const { id } = await app.sessions.create();
  const ends = await Promise.all([1, 2, 3].map(() => failure(app.sessions.end(id))));
  expect(ends.sort()).toEqual(["NO_ERROR", "SESSION_ENDED", "SESSION_ENDED"]);
  const late = [app.sessions.update(id, { a: 1 }), app.sessions.update(id, () => ({ a: 1 })), app.sessions.join(id, "cli")];
  expect(await Promise.all(late.map(failure))).toEqual(["SESSION_ENDED", "SESSION_ENDED", "SESSION_ENDED"]);
  expect((await app.getEvents({ type: "session.*" })).events.map(({ type }) => type)).toEqual(["session.created", "session.ended"]);
});

test("[session.4] calls of one process keep their order, and a function sees what was recorded before its own change", async () => {
  await using app = open();
  const { id } = await app.sessions.create({ data: { n: 0 } });
  const updates = Array.from({ length: 50 }, (_, n) =>
    n % 2 === 0
      ? app.sessions.update(id, { [`k${n}`]: n, last: n })
      : app.sessions.update(id, (data) => ({ n: Number(data["n"]) + 1, last: n })),
  );
  await Promise.all(updates);
  const { data } = await app.sessions.get(id);
  expect([data["n"], data["last"], Object.keys(data).length]).toEqual([25, 49, 27]);
  const { events } = await app.getEvents({ type: "session.updated" });
  expect(events.map((event) => (event.data as { changes: { last: number } }).changes.last)).toEqual(
    Array.from({ length: 50 }, (_, n) => n),
  );
});

test("what a caller does to its objects, or to a record, afterwards changes nothing", async () => {
  await using app = open();
  const data = { list: [1] };
  const session = await app.sessions.create({ data });
  const changes = { more: [1] };
  const updating = app.sessions.update(session.id, changes);
  data.list.push(2);
  changes.more.push(2);
  ((await updating).data["list"] as number[]).push(3);
  await app.sessions.update(session.id, (now) => {
    (now["list"] as number[]).push(4);
    return {};
  });
  expect((await app.sessions.get(session.id)).data).toEqual({ list: [1], more: [1] });
});

test("[session.4] a merge patch follows RFC 7396, and its fields may have any name", async () => {
  await using app = open();
  // Appendix A, as far as both sides are objects.
  const cases: readonly [object, object, object][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [before, patch, after] of cases) {
    const { id } = await app.sessions.create({ data: before as JsonObject });
    expect((await app.sessions.update(id, patch as JsonObject)).data).toEqual(after);
  }
  const { id } = await app.sessions.create();
  const { data } = await app.sessions.update(id, JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as JsonObject);
  expect(JSON.stringify(data)).toBe('{"__proto__":{"polluted":true},"constructor":1}');
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test("the data of a session is plain JSON of 64 KiB at most; what is refused says why, and nothing is recorded", async () => {
  await using app = open();
  const large = "x".repeat(40_000);
  const { id } = await app.sessions.create({ data: { large } });
  const refused = await app.sessions.update(id, { more: large }).catch((error: unknown) => error as NexusError<"SESSION_TOO_LARGE">);
  expect((refused as NexusError<"SESSION_TOO_LARGE">).details).toEqual({ part: "data", bytes: 80_022, limit: 65_536 });
  expect(await failure(app.sessions.update(id, { a: large, b: large }))).toBe("SESSION_TOO_LARGE");
  expect(await failure(app.sessions.create({ data: { large: large + large } }))).toBe("SESSION_TOO_LARGE");
  await expect(app.sessions.update(id, { a: { b: new Date() } } as never)).rejects.toThrow(/changes\.a\.b: a Date would be changed/);
  await expect(app.sessions.update(id, (() => [1]) as never)).rejects.toThrow(/changes: is not an object/);
  await expect(app.sessions.create({ data: "text" as never })).rejects.toThrow(/data: is not an object/);
  await expect(app.sessions.create({ metadata: { large: large } })).rejects.toThrow(/metadata/);
  await expect(app.sessions.create({ ttlMs: 10 })).rejects.toThrow(/ttlMs/);
  await expect(app.sessions.create({ owner: "x" } as never)).rejects.toThrow(/owner/);
  await expect(app.sessions.join(id, "carrier-pigeon" as never)).rejects.toThrow(/channel/);
  await expect(app.sessions.list({ limit: 0 })).rejects.toThrow(/limit/);
  expect((await app.getEvents({ type: "session.*" })).events.length).toBe(1);
});

test("an unknown id, or what is none, is SESSION_NOT_FOUND wherever a session is asked for", async () => {
  await using app = open();
  const calls = [UNKNOWN, "session-123", "", undefined as never].flatMap((id) => [
    app.sessions.get(id),
    app.sessions.update(id, {}),
    app.sessions.join(id, "cli"),
    app.sessions.end(id),
  ]);
  expect(new Set(await Promise.all(calls.map(failure)))).toEqual(new Set(["SESSION_NOT_FOUND"]));
});

test("sessions that have not ended are listed newest first, page by page", async () => {
  await using app = open();
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.unshift((await app.sessions.create({ userId: n % 2 ? "ann" : "bob", data: { n } })).id);
  await app.sessions.end(ids[1] as string);
  const first = await app.sessions.list({ limit: 3 });
  expect([first.sessions.map(({ id }) => id), first.hasMore]).toEqual([[ids[0], ids[2], ids[3]], true]);
  const second = await app.sessions.list({ limit: 3, before: first.previous });
  expect([second.sessions.map(({ id }) => id), second.hasMore, second.previous]).toEqual([[ids[4]], false, undefined]);
  expect((await app.sessions.list({ userId: "ann" })).sessions.map(({ data }) => data["n"])).toEqual([1]);
  const { cursor } = first;
  const { id } = await app.sessions.create();
  expect((await app.sessions.list({ after: cursor })).sessions.map((session) => session.id)).toEqual([id]);
});

describe.each(STORES)("on %s", (_name, openScene) => {
  test("[session.4] runs and events within a session belong to it and to its owner, and the session counts the runs", async () => {
    await using place = await openScene();
    const child = defineWorkflow("child", () => 1);
    const parent = defineWorkflow("parent", { concurrency: 1 }, async (_inputs, ctx) => {
      await ctx.emitEvent("inside", {});
      return await ctx.execute(child);
    });
    const app = await place.start({ workflows: [parent, child] });
    const { id } = await app.sessions.create({ userId: "ann" });
    const runs = await Promise.all([1, 2, 3].map(() => app.startRun(parent, {}, { sessionId: id })));
    await Promise.all(runs.map((run) => run.result()));
    await app.emitEvent("beside", {}, { sessionId: id });
    const { events } = await app.getEvents({ sessionId: id, limit: 1000 });
    // Code in the process may say otherwise.
    await app.emitEvent("otherwise", {}, { sessionId: id, userId: "bob" });
    expect((await app.getEvents({ type: "otherwise" })).events).toMatchObject([{ sessionId: id, userId: "bob" }]);
    expect(new Set(events.map(({ userId, visibility }) => `${userId} ${visibility}`))).toEqual(new Set(["ann owner"]));
    const { runs: listed } = await app.runs.list({ sessionId: id });
    // Those that waited in the queue are counted once; those that runs executed are runs as well.
    expect([listed.length, (await app.sessions.get(id)).workflowCount]).toEqual([6, 6]);
    expect((await app.sessions.end(id)).workflowCount).toBe(6);
    const [end] = (await app.getEvents({ type: "session.ended" })).events;
    expect(end?.data).toMatchObject({ workflowCount: 6 });
  });
});

test("a run or an event names a session that there is and that has not ended; else nothing is recorded", async () => {
  const workflow = defineWorkflow("w", () => 1);
  await using app = open({ workflows: [workflow] });
  const { id } = await app.sessions.create();
  await app.sessions.end(id);
  const { cursor } = await app.getEvents();
  for (const [sessionId, code] of [
    [id, "SESSION_ENDED"],
    [UNKNOWN, "SESSION_NOT_FOUND"],
  ] as const) {
    expect(await failure(app.emitEvent("e", {}, { sessionId }))).toBe(code);
    expect(await failure(app.startRun(workflow, {}, { sessionId }))).toBe(code);
  }
  expect((await app.getEvents({ after: cursor })).events).toEqual([]);
});

test("a word of the caller's own for sessionId is no session: it is recorded as it always was", async () => {
  const workflow = defineWorkflow("w", () => 1);
  await using app = open({ workflows: [workflow] });
  await app.emitEvent("e", {}, { sessionId: "session-123", userId: "ann" });
  await app.execute(workflow, {}, { sessionId: "session-123" });
  expect((await app.getEvents({ sessionId: "session-123" })).events.map(({ type }) => type)).toEqual([
    "e",
    "workflow.started",
    "workflow.completed",
  ]);
  expect((await app.sessions.list()).sessions).toEqual([]);
});

test("what goes on when its session ends goes on in it: a run, a handler", async () => {
  const gate = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await gate.promise;
    await ctx.emitEvent("late", {});
    await ctx.emitEvent("named", {}, { sessionId: ctx.sessionId });
  });
  await using app = open({ workflows: [workflow] });
  app.onSessionEnded(async () => {
    await app.emitEvent("reaction", {});
  });
  const { id } = await app.sessions.create({ userId: "ann" });
  const run = await app.startRun(workflow, {}, { sessionId: id });
  await app.sessions.end(id);
  gate.resolve();
  await run.result();
  await app.settled();
  for (const type of ["late", "named", "reaction"])
    expect((await app.getEvents({ type })).events).toMatchObject([{ sessionId: id, userId: "ann" }]);
});
