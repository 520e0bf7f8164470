import { defineWorkflow } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { ended, eventsOf, failure, memoryScene, STORES, seen } from "./scene.ts";
import { testClock } from "./test-clock.ts";

describe.each(STORES)("on %s", (_name, open) => {
  test("[step.3] a sleep goes on after a crash, without the code being executed at opening, and ends at its time", async () => {
    await using scene = await open();
    const clock = testClock();
    let passes = 0;
    const workflow = defineWorkflow("w", async (_inputs, ctx) => {
      passes += 1;
      await ctx.sleep(60_000);
      return ctx.attempt;
    });
    const { runId } = await (await scene.start({ workflows: [workflow], clock })).startRun(workflow);
    await clock.asleep(60_000);
    await scene.crash();
    clock.advance(20_000);
    const app = await scene.start({ workflows: [workflow], clock });
    await clock.asleep(40_000);
    expect([passes, (await app.runs.get(runId)).status]).toEqual([1, "waiting"]);
    clock.advance(40_000);
    expect((await ended(app, runId)).data.result).toBe(2);
  });

  test("[step.3] a wait goes on after a crash, and gets an event that came while nothing ran", async () => {
    await using scene = await open();
    let passes = 0;
    const workflow = defineWorkflow("w", async (_inputs, ctx) => {
      passes += 1;
      return (await ctx.waitForEvent("order.paid", { match: { orderId: 7 } }))?.data as { amount: number };
    });
    const before = await scene.start({ workflows: [workflow] });
    const { runId } = await before.startRun(workflow);
    await seen(before, "step.started", runId);
    const between = await scene.start();
    await between.emitEvent("order.paid", { orderId: 8, amount: 1 });
    await between.emitEvent("order.paid", { orderId: 7, amount: 2 });
    const app = await scene.start({ workflows: [workflow] });
    expect((await ended(app, runId)).data.result).toEqual({ orderId: 7, amount: 2 });
    expect(passes).toBe(2);
  });
});

test("[step.3] sleep and waitForEvent are recorded with their deadline", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await ctx.waitForEvent("go", { match: { n: 1 }, timeoutMs: 5_000, channel: "app" });
    await ctx.sleep(7_000);
  });
  const app = await scene.start({ workflows: [workflow], clock });
  const run = await app.startRun(workflow);
  await clock.asleep(5_000);
  await app.emitEvent("go", { n: 1 });
  await clock.asleep(7_000);
  clock.advance(7_000);
  await run.result();
  const begun = (await eventsOf(app, run.runId)).filter(({ type }) => type === "step.started").map(({ data }) => data);
  expect(begun).toMatchObject([
    { step: "wait:go#1", until: clock.now() - 2_000, filter: { type: "go", channel: "app" }, match: { n: 1 } },
    { step: "sleep#1", until: clock.now() },
  ]);
});

test("[step.3] the result of a wait is the whole matched event, on the first pass as on a later one", async () => {
  await using scene = memoryScene();
  const results: unknown[] = [];
  const reached = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    const event = await ctx.waitForEvent("workflow.registered", { workflow: "w" } as never);
    results.push(JSON.parse(JSON.stringify(event)), event?.tags);
    reached.resolve();
    if (ctx.attempt === 1) await new Promise(() => {});
  });
  const before = await scene.start();
  before.register(workflow);
  const { runId } = await before.startRun(workflow);
  before.unregister("w");
  before.register(workflow);
  await reached.promise;
  const app = await scene.start({ workflows: [workflow] });
  await ended(app, runId);
  const recorded = JSON.parse(JSON.stringify((await app.getEvents({ type: "workflow.registered" })).events[1]));
  expect(results).toEqual([recorded, [], recorded, []]);
});

test("[step.3] a wait sees what was recorded since the run's first event, and the next one what came after its match", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await ctx.emitEvent("n", { n: 1 });
    await ctx.emitEvent("n", { n: 2 });
    const found = [];
    for (let i = 0; i < 3; i++) found.push(((await ctx.waitForEvent("n", { timeoutMs: 0 }))?.data as { n: number } | undefined)?.n ?? null);
    return found;
  });
  const app = await scene.start({ workflows: [workflow] });
  await app.emitEvent("n", { n: 0 });
  expect(await app.execute(workflow)).toEqual([1, 2, null]);
});

test("[step.3] at the deadline a wait returns undefined", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => (await ctx.waitForEvent("never", { timeoutMs: 9_000 })) === undefined);
  const app = await scene.start({ workflows: [workflow], clock });
  const result = app.execute(workflow);
  await clock.asleep(9_000);
  clock.advance(9_000);
  expect(await result).toBe(true);
});

test("[step.3] an event recorded in time is found also when the deadline passed while nothing ran; a later one is not", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const workflow = defineWorkflow(
    "w",
    async ({ type }, ctx) => (await ctx.waitForEvent(type as string, { timeoutMs: 9_000 })) !== undefined,
  );
  const before = await scene.start({ workflows: [workflow], clock });
  const inTime = await before.startRun(workflow, { type: "in-time" });
  const late = await before.startRun(workflow, { type: "late" });
  for (const { runId } of [inTime, late]) await seen(before, "step.started", runId);
  const between = await scene.start({ clock });
  clock.advance(5_000);
  await between.emitEvent("in-time", {});
  clock.advance(5_000);
  await between.emitEvent("late", {});
  const app = await scene.start({ workflows: [workflow], clock });
  expect([(await ended(app, inTime.runId)).data.result, (await ended(app, late.runId)).data.result]).toEqual([true, false]);
});

test("[step.3] what could not be the same after a restart is no match", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", (_inputs, ctx) => ctx.waitForEvent("go", { match: { n: () => true } as never }).then(() => 1));
  const app = await scene.start({ workflows: [workflow] });
  expect(await failure(app.execute(workflow))).toBe("OPTION_INVALID");
});

test("[step.3] a run that only waits holds no slot", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { concurrency: 1 }, async ({ wait }, ctx) => {
    if (wait === true) await ctx.waitForEvent("go");
    return "through";
  });
  const app = await scene.start({ workflows: [workflow] });
  const waiting = app.execute(workflow, { wait: true });
  expect(await app.execute(workflow, {})).toBe("through");
  await app.emitEvent("go", {});
  expect(await waiting).toBe("through");
});

test("[step.3] a run that waits while its step works holds no slot once the step is done", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { concurrency: 1 }, async ({ wait }, ctx) => {
    if (wait === true) await Promise.all([ctx.step("work", () => ctx.emitEvent("tick", {})), ctx.waitForEvent("go")]);
    return "through";
  });
  const app = await scene.start({ workflows: [workflow] });
  const waiting = app.execute(workflow, { wait: true });
  expect(await app.execute(workflow, {})).toBe("through");
  await app.emitEvent("go", {});
  expect(await waiting).toBe("through");
});

test("[step.3] a run that only waits is not worn out by restarts", async () => {
  await using scene = memoryScene();
  const child = defineWorkflow("child", async (_inputs, ctx) => (await ctx.waitForEvent("go"))?.type ?? "");
  const parent = defineWorkflow("parent", (_inputs, ctx) => ctx.execute(child));
  const workflows = [child, parent];
  let app = await scene.start({ workflows });
  const { runId } = await app.startRun(parent);
  await seen(app, "workflow.started", runId);
  await expect.poll(async () => (await app.runs.list({ workflow: "child", status: "waiting" })).runs.length, { interval: 2 }).toBe(1);
  for (let death = 1; death <= 12; death++) app = await scene.start({ workflows });
  await app.emitEvent("go", {});
  expect(await ended(app, runId)).toMatchObject({ type: "workflow.completed", data: { result: "go" } });
});
