import { defineWorkflow, NexusError } from "nexus-event-system";
import { expect, test } from "vitest";
import { appendForeign, heldStore } from "./held-store.ts";
import { ended, failure, memoryScene, scene, seen, story } from "./scene.ts";

test("[run.9] another process's claim stops the owner: its signal aborts and nothing more is recorded", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const claimed = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<unknown>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    ctx.signal.addEventListener("abort", () => aborted.resolve(ctx.signal.reason));
    await ctx.step("a", () => claimed.promise);
    await ctx.step("b", () => 1);
  });
  const app = await place.start({ workflows: [workflow] });
  const { runId } = await app.startRun(workflow);
  await appendForeign(held.log, await seen(app, "step.started", runId), "workflow.resumed", { attempt: 2 });
  claimed.resolve();
  expect(NexusError.is(await aborted.promise, "RUN_LOST")).toBe(true);
  await app.settled();
  expect(await story(app, runId)).toEqual(["workflow.started", "step.started a@1", "workflow.resumed"]);
});

test("[run.9] another process's claim stops also an owner that records nothing itself", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const aborted = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    ctx.signal.addEventListener("abort", () => aborted.resolve());
    await new Promise(() => {});
  });
  const app = await place.start({ workflows: [workflow] });
  const { runId } = await app.startRun(workflow);
  await appendForeign(held.log, await seen(app, "workflow.started", runId), "workflow.resumed", { attempt: 2 });
  await aborted.promise;
  expect((await app.runs.get(runId)).attempt).toBe(2);
});

test("[run.9] who waits for a run's result here gets it from the process that took the run over", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const workflow = defineWorkflow("w", () => new Promise<number>(() => {}));
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  const result = run.result();
  const started = await seen(app, "workflow.started", run.runId);
  await appendForeign(held.log, started, "workflow.resumed", { attempt: 2 });
  await appendForeign(held.log, started, "workflow.completed", { inputs: {}, result: 42, durationMs: 5 });
  expect(await result).toBe(42);
});

test("[run.9] another process's event that is neither claim nor end is folded, and the owner goes on behind it", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const gate = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await ctx.step("a", () => gate.promise);
    return await ctx.step("b", () => "b");
  });
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await appendForeign(held.log, await seen(app, "step.started", run.runId), "workflow.progress", { percentage: 5 });
  gate.resolve();
  expect(await run.result()).toBe("b");
  expect(await story(app, run.runId)).toEqual([
    "workflow.started",
    "step.started a@1",
    "workflow.progress",
    "step.completed a@1",
    "step.started b@1",
    "step.completed b@1",
    "workflow.completed",
  ]);
});

test("[run.9] a foreign event before each of the owner's appends changes nothing but the order", async () => {
  const disturb: { by?: () => Promise<void> } = {};
  const held = heldStore((opened) => ({
    ...opened,
    log: {
      ...opened.log,
      append: async (event, options) => {
        if (event.type.startsWith("step.") || event.type.startsWith("workflow.c")) await disturb.by?.();
        return await opened.log.append(event, options);
      },
    },
  }));
  await using place = scene(() => held.store);
  const ready = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    let sum = 0;
    await ready.promise;
    for (let n = 1; n <= 3; n++) sum += await ctx.step(`s${n}`, () => n);
    return sum;
  });
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  const started = await seen(app, "workflow.started", run.runId);
  let left = 5;
  disturb.by = async () => {
    if (left-- > 0) await appendForeign(held.log, started, "workflow.progress", { percentage: left });
  };
  ready.resolve();
  expect(await run.result()).toBe(6);
  expect((await story(app, run.runId)).filter((line) => line.startsWith("step.completed"))).toHaveLength(3);
});

test("[run.9] a cancel by another process stops the owner, and who waits for the result hears of it", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const aborted = Promise.withResolvers<unknown>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    ctx.signal.addEventListener("abort", () => aborted.resolve(ctx.signal.reason));
    await new Promise(() => {});
  });
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  const failed = failure(run.result());
  const started = await seen(app, "workflow.started", run.runId);
  await appendForeign(held.log, started, "workflow.cancelled", { inputs: {}, reason: "from afar", durationMs: 1 });
  expect(await failed).toBe("RUN_CANCELLED");
  expect(await aborted.promise).toMatchObject({ code: "RUN_CANCELLED", details: { reason: "from afar" } });
});

test("[run.9] a run that no code here executes can be cancelled, and that is its end", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => new Promise<void>(() => {}));
  const { runId } = await (await place.start({ workflows: [workflow] })).startRun(workflow);
  const app = await place.start();
  expect(await app.runs.cancel(runId, "gone")).toMatchObject({ status: "cancelled", reason: "gone" });
  expect((await ended(app, runId)).type).toBe("workflow.cancelled");
});

test("[run.9] cancelling a run that has ended answers with that end, and records nothing", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => 7);
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await run.result();
  const { cursor } = await app.getEvents();
  expect(await app.runs.cancel(run.runId)).toMatchObject({ status: "completed", result: 7 });
  expect((await app.getEvents()).cursor).toBe(cursor);
});

test("[run.9] of many cancels at once one is recorded", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => new Promise<void>(() => {}));
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  run.result().catch(() => {});
  await Promise.all(Array.from({ length: 10 }, (_, n) => app.runs.cancel(run.runId, `${n}`)));
  expect(await story(app, run.runId)).toEqual(["workflow.started", "workflow.cancelled"]);
});

test("[run.9] cancelling a run there never was is RUN_NOT_FOUND", async () => {
  await using place = memoryScene();
  const app = await place.start();
  expect(await failure(app.runs.cancel("nobody"))).toBe("RUN_NOT_FOUND");
});
