import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { defineWorkflow, jsonSchema, memoryStore, Nexus, NexusError, type NexusEvent } from "nexus-event-system";
import { testApp } from "nexus-event-system/testing";
import { describe, expect, test } from "vitest";
import { heldStore } from "./held-store.ts";
import { ended, memoryScene, quiet, STORES } from "./scene.ts";
import { type TestClock, testClock } from "./test-clock.ts";

const START = 1_900_000_000_000;
const tick = defineWorkflow("tick", (inputs) => inputs);
/** Goes on until an event `go` comes. */
const slow = defineWorkflow("slow", async (_inputs, ctx) => {
  await ctx.waitForEvent("go");
});

/** Reads the firings of schedules, from the first on. */
async function firings(app: Nexus, count: number): Promise<readonly NexusEvent<string, any>[]> {
  const events: NexusEvent<string, any>[] = [];
  for await (const event of app.subscribe({ type: "workflow.started", channel: "schedule", after: "earliest" }))
    if (events.push(event as NexusEvent<string, any>) === count) break;
  return events;
}
const dueAt = (event: NexusEvent | undefined): unknown => event?.metadata?.["dueAt"];

/** Moves time to what is due in `ms`, once the schedule waits for that. */
async function pass(clock: TestClock, ms: number): Promise<void> {
  await clock.asleep(ms);
  clock.advance(ms);
}

async function counters(app: Nexus): Promise<Record<string, number>> {
  const response = await app.fetch(new Request("http://127.0.0.1/health"));
  return ((await response.json()) as { counters: Record<string, number> }).counters;
}

describe.each(STORES)("on %s", (_name, open) => {
  test("[run.8] each due time starts one run, on channel schedule, also when another process comes to the same due time again", async () => {
    await using scene = await open();
    const first = testClock(START);
    const app = await scene.start({ workflows: [tick], clock: first });
    app.schedule("every-second", { workflow: tick, everyMs: 1_000, inputs: { n: 7 }, overlap: "allow" });
    await pass(first, 1_000);
    const [fired] = await firings(app, 1);
    expect(fired).toMatchObject({ channel: "schedule", workflowName: "tick", data: { inputs: { n: 7 } } });
    expect(fired?.metadata).toEqual({ schedule: "every-second", dueAt: START + 1_000 });
    await ended(app, String(fired?.runId));
    await scene.crash();

    // Its clock is behind: what was due is due once more.
    const second = testClock(START);
    const next = await scene.start({ workflows: [tick], clock: second });
    next.schedule("every-second", { workflow: tick, everyMs: 1_000, inputs: { n: 7 }, overlap: "allow" });
    await pass(second, 1_000);
    await pass(second, 1_000);
    expect((await firings(next, 2)).map(dueAt)).toEqual([START + 1_000, START + 2_000]);
  });

  test("[run.8] after a crash at the due time the run that was started goes on, and what came due meanwhile is skipped", async () => {
    await using scene = await open();
    const first = testClock(START);
    const app = await scene.start({ workflows: [slow], clock: first });
    app.schedule("s", { workflow: "slow", everyMs: 1_000, overlap: "allow" });
    await pass(first, 1_000);
    const [fired] = await firings(app, 1);
    await scene.crash();

    const second = testClock(START + 10_500);
    const next = await scene.start({ workflows: [slow], clock: second });
    next.schedule("s", { workflow: "slow", everyMs: 1_000, overlap: "allow" });
    await pass(second, 500);
    expect((await firings(next, 2)).map(dueAt)).toEqual([START + 1_000, START + 11_000]);
    await next.emitEvent("go", {});
    expect((await ended(next, String(fired?.runId))).type).toBe("workflow.completed");
  });
});

test("[run.8] while the run before goes on a firing is skipped, and counted; that is known after a restart, too", async () => {
  await using scene = memoryScene();
  const first = testClock(START);
  const app = await scene.start({ workflows: [slow], clock: first });
  app.schedule("s", { workflow: slow, everyMs: 1_000 });
  await pass(first, 1_000);
  const [fired] = await firings(app, 1);
  await pass(first, 1_000);
  await expect.poll(() => counters(app)).toMatchObject({ schedules_skipped: 1 });

  const second = testClock(START + 2_000);
  const next = await scene.start({ workflows: [slow], clock: second });
  next.schedule("s", { workflow: slow, everyMs: 1_000 });
  await pass(second, 1_000);
  await expect.poll(() => counters(next)).toMatchObject({ schedules_skipped: 1 });
  await next.emitEvent("go", {});
  await ended(next, String(fired?.runId));
  await pass(second, 1_000);
  expect((await firings(next, 2)).map(dueAt)).toEqual([START + 1_000, START + 4_000]);
});

test("[run.8] with overlap allow runs of a schedule go on side by side", async () => {
  await using scene = memoryScene();
  const clock = testClock(START);
  const app = await scene.start({ workflows: [slow], clock });
  app.schedule("s", { workflow: slow, everyMs: 1_000, overlap: "allow" });
  await pass(clock, 1_000);
  await pass(clock, 1_000);
  expect((await firings(app, 2)).map(dueAt)).toEqual([START + 1_000, START + 2_000]);
  expect((await app.runs.list({ status: "waiting" })).runs).toHaveLength(2);
});

test("[run.8] of several due times that a held-up process comes late for, the first is executed, and it is said", async () => {
  await using scene = memoryScene();
  const clock = testClock(START);
  const app = await scene.start({ workflows: [tick], clock });
  app.schedule("s", { workflow: tick, everyMs: 1_000, overlap: "allow" });
  await clock.asleep(1_000);
  clock.advance(5_500);
  await pass(clock, 500);
  expect((await firings(app, 2)).map(dueAt)).toEqual([START + 1_000, START + 6_000]);
  expect(await counters(app)).toMatchObject({ schedules_late: 1 });
});

test("[run.8] a firing whose store is away is recorded when it is back", async () => {
  let away = true;
  const held = heldStore(({ log, ...rest }) => ({
    ...rest,
    log: {
      ...log,
      append: async (event, options) => {
        if (away && event.type === "workflow.started") throw new NexusError("STORE_UNAVAILABLE", { store: "memory" });
        return await log.append(event, options);
      },
    },
  }));
  const clock = testClock(START);
  await using app = new Nexus({ workflows: [tick], logger: quiet, store: held.store, clock });
  await app.start({ listen: false });
  app.schedule("s", { workflow: tick, everyMs: 60_000 });
  await pass(clock, 20_000); // To the next whole minute.
  await clock.asleep(100);
  away = false;
  clock.advance(100);
  expect((await firings(app, 1)).map(dueAt)).toEqual([START + 20_000]);
});

test("[run.8] a schedule that is taken away fires no more, and its name is free", async () => {
  await using scene = memoryScene();
  const clock = testClock(START);
  const app = await scene.start({ workflows: [tick], clock });
  const off = app.schedule("s", { workflow: tick, everyMs: 1_000 });
  expect(() => app.schedule("s", { workflow: tick, everyMs: 1 })).toThrow(expect.objectContaining({ code: "SCHEDULE_EXISTS" }));
  await clock.asleep(1_000);
  off();
  app.schedule("s", { workflow: tick, everyMs: 5_000 });
  await clock.asleep(5_000);
  clock.advance(1_000);
  clock.advance(4_000);
  expect((await firings(app, 1)).map(dueAt)).toEqual([START + 5_000]);
});

test("[run.8] schedules begin with start(), not with open(), and end with stop()", async () => {
  const clock = testClock(START);
  const app = new Nexus({ workflows: [tick], logger: quiet, store: memoryStore(), clock });
  app.schedule("s", { workflow: tick, everyMs: 1_000 });
  await app.open();
  clock.advance(1_500);
  await app.start({ listen: false });
  await pass(clock, 500);
  expect((await firings(app, 1)).map(dueAt)).toEqual([START + 2_000]);
  await app.stop();
  expect(() => app.schedule("t", { workflow: tick, everyMs: 1 })).toThrow(expect.objectContaining({ code: "APP_STOPPED" }));
});

test("[run.8] a schedule of a workflow that was unregistered meanwhile fails each time, and is counted", async () => {
  await using scene = memoryScene();
  const clock = testClock(START);
  const app = await scene.start({ workflows: [tick], clock });
  app.schedule("s", { workflow: tick, everyMs: 1_000 });
  app.unregister("tick");
  await pass(clock, 1_000);
  await expect.poll(() => counters(app)).toMatchObject({ schedule_failures: 1 });
  app.register(tick);
  await pass(clock, 1_000);
  expect((await firings(app, 1)).map(dueAt)).toEqual([START + 2_000]);
});

test.each([
  [
    "on the day the hour is left out, at the first moment after it",
    "2027-03-27T12:00:00Z",
    "2027-03-28T01:00:00.000Z",
    "2027-03-29T00:30:00.000Z",
  ],
  ["on the day the hour comes twice, the first time only", "2027-10-30T12:00:00Z", "2027-10-31T00:30:00.000Z", "2027-11-01T01:30:00.000Z"],
])("[run.8] half past two in Berlin is, %s", async (_words, from, first, second) => {
  await using scene = memoryScene();
  const clock = testClock(Date.parse(from));
  const app = await scene.start({ workflows: [tick], clock });
  app.schedule("nightly", { workflow: tick, cron: "30 2 * * *", timeZone: "Europe/Berlin" });
  for (const due of [first, second]) {
    await pass(clock, Date.parse(due) - clock.now());
    await expect.poll(async () => (await app.runs.list()).runs[0]?.metadata?.["dueAt"]).toBe(Date.parse(due));
  }
});

test("[run.8] a day of an hourly schedule passes at once in a test app", async () => {
  await using day = await testApp((setup) => new Nexus({ ...setup, workflows: [tick] }));
  day.app.schedule("hourly", { workflow: tick, cron: "0 * * * *" });
  await day.clock.advance(24 * 3_600_000);
  await day.settled();
  const events = await day.events();
  expect(events.filter(({ type }) => type === "workflow.completed")).toHaveLength(24);
});

const sized = defineWorkflow("sized", { inputs: jsonSchema<{ n: number }>({ type: "object", required: ["n"] }) }, () => 1);
test.each([
  ["no such name", { everyMs: 1 }, "NAME_INVALID"],
  ["s", { cron: "bad" }, "OPTION_INVALID"],
  ["s", { cron: 7 }, "OPTION_INVALID"],
  ["s", { cron: "0 0 30 2 *" }, "OPTION_INVALID"],
  ["s", { cron: "0 3 * * *", timeZone: "Mars/Olympus" }, "OPTION_INVALID"],
  ["s", { everyMs: 1_000, timeZone: "UTC" }, "OPTION_INVALID"],
  ["s", { everyMs: 0 }, "OPTION_INVALID"],
  ["s", { everyMs: 1.5 }, "OPTION_INVALID"],
  ["s", { everyMs: 4_000_000_000_000 }, "OPTION_INVALID"],
  ["s", { everyMs: { toString: null } }, "OPTION_INVALID"],
  ["s", { everyMs: 1_000, cron: "0 3 * * *" }, "OPTION_INVALID"],
  ["s", {}, "OPTION_INVALID"],
  ["s", { everyMs: 1_000, overlap: "queue" }, "OPTION_INVALID"],
  ["s", { everyMs: 1_000, retries: 3 }, "OPTION_INVALID"],
  ["s", { everyMs: 1_000, workflow: "tock" }, "WORKFLOW_NOT_FOUND"],
  ["s", { everyMs: 1_000, workflow: "sized", inputs: {} }, "INPUT_INVALID"],
])("[run.8] schedule(%j, %j) is refused at once: %s", (name, options, code) => {
  const app = new Nexus({ workflows: [tick, sized], logger: quiet, store: memoryStore() });
  expect(() => app.schedule(name, { workflow: "tick", ...options } as never)).toThrow(expect.objectContaining({ code }));
});

test("[run.8] schedules are shown with when they are due next and the latest run they started, and not with their inputs", async () => {
  await using scene = memoryScene();
  const clock = testClock(START);
  const app = await scene.start({ workflows: [tick], clock });
  app.schedule("b", { workflow: tick, cron: "0 3 * * *", inputs: { secret: 1 } });
  app.schedule("a", { workflow: tick, everyMs: 1_000, overlap: "allow" });
  await pass(clock, 1_000);
  const [fired] = await firings(app, 1);
  const { schedules } = (await (await app.fetch(new Request("http://127.0.0.1/schedules"))).json()) as { schedules: unknown };
  expect(schedules).toEqual([
    {
      name: "a",
      workflow: "tick",
      everyMs: 1_000,
      overlap: "allow",
      nextAt: START + 2_000,
      lastRunId: fired?.runId,
      lastDueAt: START + 1_000,
    },
    { name: "b", workflow: "tick", cron: "0 3 * * *", timeZone: "UTC", overlap: "skip", nextAt: Date.parse("2030-03-18T03:00:00Z") },
  ]);
  const health = (await (await app.fetch(new Request("http://127.0.0.1/health"))).json()) as { schedules: unknown };
  expect(health.schedules).toContainEqual({ name: "a", nextAt: START + 2_000 });
});

test("[run.8] [access.2] the latest run of a schedule, which is nobody's, is shown to those alone who see everything", async () => {
  const scopes = ["workflows:read", "events:read"] as const;
  const clock = testClock(START);
  await using app = new Nexus({
    workflows: [tick],
    logger: quiet,
    store: memoryStore(),
    clock,
    auth: {
      authenticate: ({ headers }) => {
        const userId = headers.get("x-user") ?? "";
        return { userId, scopes: userId === "operator" ? [...scopes, "events:read:all"] : scopes };
      },
    },
  });
  await app.start({ listen: false });
  app.schedule("s", { workflow: tick, everyMs: 1_000 });
  await pass(clock, 1_000);
  await firings(app, 1);
  const latest = async (user: string): Promise<unknown> => {
    const response = await app.fetch(new Request("http://127.0.0.1/schedules", { headers: { "x-user": user } }));
    return ((await response.json()) as { schedules: { lastDueAt?: number }[] }).schedules[0]?.lastDueAt;
  };
  expect([await latest("operator"), await latest("ann")]).toEqual([START + 1_000, undefined]);
});

test("[run.8] an app that only waits for its schedules keeps no process alive", async () => {
  const fixture = fileURLToPath(new URL("fixtures/scheduled.ts", import.meta.url));
  const child = spawn(process.execPath, [fixture], { stdio: "inherit" });
  try {
    expect(await once(child, "exit")).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
});
