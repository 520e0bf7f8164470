import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineWorkflow, memoryStore, Nexus, type NexusOptions, sqliteStore } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { nexus } from "../cli/nexus.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { serve, shiftedClock, silent } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { failure, STORES } from "../workflows/scene.ts";

const DAY = 24 * 3_600_000;

/** What `/health` says of the log. */
async function logOf(app: Nexus): Promise<any> {
  const response = await app.fetch(new Request("http://localhost/health"));
  return ((await response.json()) as any).log;
}

/** Resolves once the log stands like this. Retention looks when events arrive, so one is emitted now and then. */
async function logIs(app: Nexus, clock: { advance(ms: number): void }, holds: (log: any) => boolean): Promise<any> {
  for (;;) {
    clock.advance(1_000);
    await app.emitEvent("tick", {});
    const log = await logOf(app);
    if (holds(log)) return log;
  }
}

async function emit(app: Nexus, count: number, data: object = {}): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => app.emitEvent("n", { n, ...data })));
}

describe.each(STORES)("%s", (_name, open) => {
  test("[log.7] of more than maxEvents the oldest go; the rest is a suffix of the log, and stays", async () => {
    await using place = await open();
    const clock = shiftedClock();
    const app = await place.start({ retention: { maxEvents: 100 }, clock });
    await emit(app, 500);
    const { head } = await logIs(app, clock, ({ floor }) => floor >= 400);
    const { events } = await app.getEvents({ after: "earliest", limit: 1000 });
    expect(events.length).toBeGreaterThanOrEqual(100);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, n) => (events.at(-1)?.sequence ?? 0) - events.length + 1 + n));
    expect(events.at(-1)?.sequence).toBeGreaterThanOrEqual(head);
  });

  test("[log.7] events older than maxAgeMs go, and no younger ones", async () => {
    await using place = await open();
    const clock = shiftedClock();
    const app = await place.start({ retention: { maxAgeMs: DAY }, clock });
    await emit(app, 20);
    clock.advance(DAY / 2);
    const { sequence } = await app.emitEvent("younger", {});
    clock.advance(DAY / 2);
    const { floor } = await logIs(app, clock, (log) => log.floor > 0);
    expect(floor).toBe(sequence - 1);
  });

  test("[log.7] of more than maxBytes the oldest go, to a hundredth; the count survives a restart", async () => {
    await using place = await open();
    const clock = shiftedClock();
    const options: Omit<NexusOptions, "store"> = { retention: { maxBytes: 1_000_000 }, clock };
    const before = await place.start(options);
    const text = "x".repeat(2_000);
    await emit(before, 400, { text });
    await logIs(before, clock, ({ floor }) => floor === 0);
    const app = await place.start(options);
    await emit(app, 400, { text });
    const bytesKept = async (): Promise<number> => {
      const { events } = await app.getEvents({ after: "earliest", limit: 1000 });
      return events.reduce((sum, event) => sum + JSON.stringify(event).length, 0);
    };
    do await logIs(app, clock, ({ floor }) => floor > 0);
    while ((await bytesKept()) > 1_020_000);
    expect(await bytesKept()).toBeGreaterThan(970_000);
  });

  test("[log.7] the first event of an unfinished run holds the floor, and /health says so; when the run ends, the events go", async () => {
    await using place = await open();
    const clock = shiftedClock();
    const workflow = defineWorkflow("w", async (_inputs, ctx) => void (await ctx.waitForEvent("go")));
    const app = await place.start({ workflows: [workflow], retention: { maxEvents: 10 }, clock });
    const run = await app.startRun(workflow);
    await emit(app, 100);
    const { heldBy, floor } = await logIs(app, clock, (log) => log.heldBy !== undefined && log.floor > 0);
    expect(heldBy).toEqual({ kind: "run", name: run.runId, cursor: expect.stringContaining(`.${floor}`) });
    expect((await app.runs.get(run.runId)).status).toBe("waiting");
    await app.emitEvent("go", {});
    await run.result();
    expect(await logIs(app, clock, (log) => log.heldBy === undefined && log.floor > 80)).toMatchObject({ earliest: expect.anything() });
    expect(await failure(app.runs.get(run.runId))).toBe("RUN_NOT_FOUND");
  });

  test("[log.7] a consumer's place holds the floor for 7 days; then it moves on, and is told what it lost", async () => {
    await using place = await open();
    const clock = shiftedClock();
    const app = await place.start({ retention: { maxEvents: 10 }, clock });
    const consumer = app.consumer("billing", { type: "n", from: "earliest" }, () => {});
    await consumer.pause();
    await emit(app, 100);
    const { heldBy } = await logIs(app, clock, (log) => log.heldBy?.kind === "consumer");
    expect(heldBy).toEqual({ kind: "consumer", name: "billing", cursor: expect.any(String) });
    clock.advance(7 * DAY + 1_000);
    const lost = app.waitForEvent("consumer.lost" as const);
    await logIs(app, clock, (log) => log.heldBy === undefined && log.floor > 80);
    const event = await lost;
    expect(event?.data).toMatchObject({ consumer: "billing", from: expect.any(String), to: expect.any(String) });
    expect(event?.count).toBeGreaterThan(80);
    expect((await consumer.status()).paused).toBe(true);
  });

  test.each([true, false])(
    "[log.7] after 30 days an unfinished run (its code here: %s) fails with RUN_EXPIRED, and holds nothing",
    async (here) => {
      await using place = await open();
      const clock = shiftedClock();
      const workflow = defineWorkflow("w", async (_inputs, ctx) => void (await ctx.waitForEvent("never")));
      const before = await place.start({ workflows: [workflow], clock });
      const { runId } = await before.startRun(workflow);
      const app = await place.start({ ...(here && { workflows: [workflow] }), retention: { maxEvents: 10 }, clock });
      await emit(app, 50);
      clock.advance(30 * DAY + 1_000);
      const failed = app.waitForEvent("workflow.failed" as const, { runId });
      await logIs(app, clock, (log) => log.floor > 0 && log.heldBy === undefined);
      expect((await failed)?.error).toMatchObject({ code: "RUN_EXPIRED" });
    },
  );
});

test("[log.7] large results of steps go with the events of their run", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-retention-"));
  const clock = shiftedClock();
  const file = join(folder, "nexus.db");
  const workflow = defineWorkflow("w", async (_inputs, ctx) => (await ctx.step("large", () => "x".repeat(200_000))).length);
  const kept = async (): Promise<number> => {
    const store = sqliteStore(file);
    const { state } = await store.open({ now: Date.now });
    const { entries } = await state.list("results/");
    await store[Symbol.asyncDispose]();
    return entries.length;
  };
  const run = async (retention: NexusOptions["retention"], floor: number): Promise<void> => {
    await using app = new Nexus({ store: sqliteStore(file), workflows: [workflow], clock, retention, logger: silent }) as Nexus;
    await app.start({ listen: false });
    await app.execute(workflow);
    await logIs(app, clock, (log) => log.floor >= floor);
  };
  await run(undefined, 0);
  expect(await kept()).toBe(3);
  await run({ maxEvents: 1 }, 20);
  expect(await kept()).toBe(0);
  await rm(folder, { recursive: true });
});

test("[log.7] the large results of many runs go, also where the runs are too large for one page of the log", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-retention-"));
  const clock = shiftedClock();
  const file = join(folder, "nexus.db");
  const workflow = defineWorkflow("w", async (_inputs, ctx) => (await ctx.step("large", () => "x".repeat(40_000))).length);
  {
    await using app = new Nexus({
      store: sqliteStore(file),
      workflows: [workflow],
      clock,
      retention: { maxEvents: 1 },
      logger: silent,
    }) as Nexus;
    await app.open();
    await Promise.all(Array.from({ length: 30 }, () => app.execute("w", { text: "x".repeat(200_000) })));
    await app.start({ listen: false });
    await logIs(app, clock, (log) => log.floor >= 130);
  }
  const store = sqliteStore(file);
  const { state } = await store.open({ now: Date.now });
  expect((await state.list("results/")).entries).toEqual([]);
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

test("[log.6] [log.7] a reader that comes too late is told CURSOR_EXPIRED, with the earliest, on every channel", async () => {
  const clock = shiftedClock();
  await using site = await serve({ retention: { maxEvents: 10 }, clock });
  const { app, url } = site;
  const { cursor } = await app.emitEvent("first", {});
  await emit(app, 50);
  await logIs(app, clock, ({ floor }) => floor >= 40);
  const earliest = expect.stringContaining((await logOf(app)).earliest.split(".")[0]);
  const expired = { code: "CURSOR_EXPIRED", status: 410, cursor, earliest };

  for (const path of ["/events", "/events/poll"]) expect((await site.get(`${path}?after=${cursor}`)).body).toMatchObject(expired);
  await using stream = await Stream.open(`${url}/events/stream?after=${cursor}`);
  expect((await stream.frame()).data).toMatchObject({ requested: cursor, recovered: false, reason: "expired", earliest });
  await using peer = await Peer.open(url);
  peer.send({ op: "subscribe", id: "1", filter: {}, after: cursor });
  expect(await peer.next()).toMatchObject({ kind: "resume", requested: cursor, recovered: false, reason: "expired", earliest });
  const loop = async (): Promise<void> => {
    for await (const _event of app.subscribe({ after: cursor })) throw new Error("it was given an event");
  };
  await expect(loop()).rejects.toMatchObject({ code: "CURSOR_EXPIRED", details: { cursor, earliest } });
  const list = await nexus(["events", "list", "--after", cursor, "--output", "json"], { url });
  expect([list.code, JSON.parse(list.stdout)]).toEqual([1, expect.objectContaining(expired)]);
  for await (const event of app.subscribe({ after: cursor, onLoss: "earliest" })) {
    expect(event.sequence).toBeGreaterThan(40);
    break;
  }
});

test.each([
  [{ maxEvents: 0 }, "OPTION_INVALID"],
  [{ maxAgeMs: 1.5 }, "OPTION_INVALID"],
  [{ maxBytes: -1 }, "OPTION_INVALID"],
  [{ maxDays: 3 }, "OPTION_UNSUPPORTED"],
])("retention %j is refused", (retention, code) => {
  expect(() => new Nexus({ store: memoryStore(), retention: retention as object })).toThrow(expect.objectContaining({ code }));
});
