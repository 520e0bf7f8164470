import { defineWorkflow } from "nexus-event-system";
import { expect, test } from "vitest";
import { ended, eventsOf, failure, memoryScene } from "./scene.ts";

async function progressOf(app: Parameters<typeof eventsOf>[0], runId: string): Promise<readonly { percentage: number; step?: string }[]> {
  return (await eventsOf(app, runId)).filter(({ type }) => type === "workflow.progress").map(({ data }) => data);
}

test("[run.13] of a burst of reports the first and the last are recorded, the last before the run's end", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", (_inputs, ctx) => {
    for (let n = 0; n <= 100; n++) ctx.progress(n, `at ${n}`);
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await run.result();
  expect(await progressOf(app, run.runId)).toEqual([
    { percentage: 0, step: "at 0" },
    { percentage: 100, step: "at 100" },
  ]);
  expect((await eventsOf(app, run.runId)).at(-1)?.type).toBe("workflow.completed");
});

test("[run.13] at most one report in 100 ms is recorded, always the latest", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    ctx.progress(1);
    ctx.progress(2);
    ctx.progress(3);
    await app.waitForEvent("workflow.progress", { after: "earliest", runId: ctx.runId, match: { percentage: 3 } });
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await run.result();
  const reports = (await eventsOf(app, run.runId)).filter(({ type }) => type === "workflow.progress");
  expect(reports.map(({ data }) => data.percentage)).toEqual([1, 3]);
  const [first, second] = reports.map(({ timestamp }) => timestamp) as [number, number];
  expect(second - first).toBeGreaterThanOrEqual(95); // A timer may be a little early by the clock that stamps events.
});

test.each([-1, 100.1, Number.NaN, "50", undefined])("[run.13] %j is no percentage", async (percentage) => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", (_inputs, ctx) => ctx.progress(percentage as number));
  const app = await scene.start({ workflows: [workflow] });
  expect(await failure(app.execute(workflow))).toBe("OPTION_INVALID");
});

test("[run.13] the last report is recorded also before the end of a run that fails", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", (_inputs, ctx) => {
    ctx.progress(10);
    ctx.progress(20);
    throw new Error("no");
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await failure(run.result());
  expect((await progressOf(app, run.runId)).map(({ percentage }) => percentage)).toEqual([10, 20]);
});

test("[run.13] while finished steps are replayed nothing is recorded", async () => {
  await using scene = memoryScene();
  const reached = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    ctx.progress(10);
    await ctx.step("a", () => 1);
    ctx.progress(20);
    await ctx.step("b", () => 2);
    if (ctx.attempt === 1) {
      reached.resolve();
      await new Promise(() => {});
    }
    ctx.progress(90);
  });
  const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
  await reached.promise;
  const app = await scene.start({ workflows: [workflow] });
  await ended(app, runId);
  const after = (await eventsOf(app, runId)).map(({ type, data }) => (type === "workflow.progress" ? data.percentage : type));
  expect(after.slice(after.indexOf("workflow.resumed"))).toEqual(["workflow.resumed", 90, "workflow.completed"]);
});

test("[event.6] the seed's monitored process: an update broadcast from inside each of ten steps is seen live, in order", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("monitored", async (_inputs, ctx) => {
    for (let n = 1; n <= 10; n++) {
      await ctx.step(`step-${n}`, async () => {
        await ctx.broadcastEvent("PROGRESS_UPDATE", { step: n, total: 10, percentage: n * 10 });
        await seen[n - 1]?.promise; // Live: the next step begins when somebody has seen this one.
      });
    }
  });
  const seen = Array.from({ length: 10 }, () => Promise.withResolvers<void>());
  const app = await scene.start({ workflows: [workflow] });
  const updates: unknown[] = [];
  app.onEvent("PROGRESS_UPDATE", ({ data }) => {
    const { step, percentage } = data as { step: number; percentage: number };
    updates.push(percentage);
    seen[step - 1]?.resolve();
  });
  await app.execute(workflow);
  expect(updates).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
});
