import { defineWorkflow, FatalError, NexusError, RetryAfter } from "nexus-event-system";
import { expect, test } from "vitest";
import { ended, eventsOf, failure, memoryScene, story } from "./scene.ts";
import { testClock } from "./test-clock.ts";

test("[run.3] a run that takes longer than timeoutMs fails with RUN_TIMEOUT, and its signal aborts with it", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const reason = Promise.withResolvers<unknown>();
  const workflow = defineWorkflow("w", { timeoutMs: 5_000 }, async (_inputs, ctx) => {
    ctx.signal.addEventListener("abort", () => reason.resolve(ctx.signal.reason));
    await new Promise(() => {});
  });
  const app = await scene.start({ workflows: [workflow], clock });
  const run = await app.startRun(workflow);
  const failed = failure(run.result());
  await clock.asleep(5_000);
  clock.advance(5_000);
  expect(await failed).toBe("RUN_TIMEOUT");
  expect(NexusError.is(await reason.promise, "RUN_TIMEOUT")).toBe(true);
});

test("[run.3] the time limit of a run counts its downtime: it is over before its code runs again", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const begun = Promise.withResolvers<void>();
  let calls = 0;
  const workflow = defineWorkflow("w", { timeoutMs: 5_000 }, async () => {
    calls += 1;
    begun.resolve();
    await new Promise(() => {});
  });
  const { runId } = await (await scene.start({ workflows: [workflow], clock })).startRun(workflow);
  await begun.promise;
  await scene.crash();
  clock.advance(5_000);
  const app = await scene.start({ workflows: [workflow], clock });
  expect((await ended(app, runId)).data.error).toMatchObject({ code: "RUN_TIMEOUT" });
  expect(calls).toBe(1);
});

test("[run.3] what is left of the time limit after a restart is what counts", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const workflow = defineWorkflow("w", { timeoutMs: 5_000 }, () => new Promise<void>(() => {}));
  const { runId } = await (await scene.start({ workflows: [workflow], clock })).startRun(workflow);
  await scene.crash();
  clock.advance(3_000);
  const app = await scene.start({ workflows: [workflow], clock });
  await clock.asleep(2_000);
  clock.advance(2_000);
  expect((await ended(app, runId)).data.error).toMatchObject({ code: "RUN_TIMEOUT" });
});

test("[run.3] an attempt that takes longer than the step's timeoutMs fails with STEP_TIMEOUT, and the next is tried", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const workflow = defineWorkflow("w", { retry: { baseMs: 0 } }, (_inputs, ctx) =>
    ctx.step("a", { timeoutMs: 700 }, ({ attempt }) => (attempt === 1 ? new Promise<number>(() => {}) : attempt)),
  );
  const app = await scene.start({ workflows: [workflow], clock });
  const run = await app.startRun(workflow);
  await clock.asleep(700);
  clock.advance(700);
  expect(await run.result()).toBe(2);
  expect((await eventsOf(app, run.runId)).find(({ type }) => type === "step.retrying")?.data.error).toMatchObject({ code: "STEP_TIMEOUT" });
});

test("[run.3] a step that outlives its limit has its signal aborted and its outcome dropped", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const outcome = Promise.withResolvers<string>();
  const aborted = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", (_inputs, ctx) =>
    ctx.step("a", { timeoutMs: 700, retry: { attempts: 1 } }, ({ signal }) => {
      signal.addEventListener("abort", () => aborted.resolve());
      return outcome.promise;
    }),
  );
  const app = await scene.start({ workflows: [workflow], clock });
  const run = await app.startRun(workflow);
  const failed = failure(run.result());
  await clock.asleep(700);
  clock.advance(700);
  await aborted.promise;
  outcome.resolve("too late");
  expect(await failed).toBe("STEP_TIMEOUT");
  expect(await story(app, run.runId)).toEqual(["workflow.started", "step.started a@1", "step.failed a@1", "workflow.failed"]);
});

test("[run.3] a step is tried three times by default, with a delay that is recorded", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const workflow = defineWorkflow("w", { retry: { baseMs: 0 } }, (_inputs, ctx) =>
    ctx.step("a", ({ attempt }) => {
      throw new Error(`try ${attempt}`);
    }),
  );
  const app = await scene.start({ workflows: [workflow], clock });
  const run = await app.startRun(workflow);
  expect(await failure(run.result())).toBe("try 3");
  expect(await story(app, run.runId)).toEqual([
    "workflow.started",
    "step.started a@1",
    "step.retrying a@1",
    "step.started a@2",
    "step.retrying a@2",
    "step.started a@3",
    "step.failed a@3",
    "workflow.failed",
  ]);
});

test("[run.3] the policy of a step comes before that of its workflow", async () => {
  await using scene = memoryScene();
  let tries = 0;
  const workflow = defineWorkflow("w", { retry: { attempts: 9, baseMs: 0 } }, (_inputs, ctx) =>
    ctx.step("a", { retry: { attempts: 2 } }, () => {
      tries += 1;
      throw new Error("no");
    }),
  );
  const app = await scene.start({ workflows: [workflow] });
  await failure(app.execute(workflow));
  expect(tries).toBe(2);
});

test("[run.3] the delay between tries is within the policy", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { retry: { attempts: 6, baseMs: 2, capMs: 5 } }, (_inputs, ctx) =>
    ctx.step("a", () => {
      throw new Error("no");
    }),
  );
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await failure(run.result());
  const delays = (await eventsOf(app, run.runId)).flatMap(({ type, data }) => (type === "step.retrying" ? [data.delayMs as number] : []));
  expect(delays).toHaveLength(5);
  expect(delays.every((delay, i) => delay >= 0 && delay < Math.min(5, 2 * 2 ** i))).toBe(true);
});

test("[run.3] FatalError ends the tries of a step at once", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { retry: { attempts: 9 } }, (_inputs, ctx) =>
    ctx.step("a", () => {
      throw new FatalError("hopeless");
    }),
  );
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  expect(await failure(run.result())).toBe("hopeless");
  expect(await story(app, run.runId)).toEqual(["workflow.started", "step.started a@1", "step.failed a@1", "workflow.failed"]);
});

test("[run.3] RetryAfter has the step tried again after just so long", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const workflow = defineWorkflow("w", (_inputs, ctx) =>
    ctx.step("a", ({ attempt }) => {
      if (attempt === 1) throw new RetryAfter(77_000);
      return attempt;
    }),
  );
  const app = await scene.start({ workflows: [workflow], clock });
  const result = app.execute(workflow);
  await clock.asleep(77_000);
  clock.advance(77_000);
  expect(await result).toBe(2);
});

test("[run.3] a run that dies between two tries goes on with the delay that was recorded, and the tries that are left", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const tries: number[] = [];
  const workflow = defineWorkflow("w", { retry: { attempts: 2 } }, (_inputs, ctx) =>
    ctx.step("a", ({ attempt }) => {
      tries.push(attempt);
      throw new RetryAfter(60_000);
    }),
  );
  const { runId } = await (await scene.start({ workflows: [workflow], clock })).startRun(workflow);
  await clock.asleep(60_000);
  await scene.crash();
  clock.advance(20_000);
  const app = await scene.start({ workflows: [workflow], clock });
  await clock.asleep(40_000);
  clock.advance(40_000);
  await ended(app, runId);
  expect(tries).toEqual([1, 2]);
});

test("[run.3] cancelling a run reaches ctx.signal and the step's, and drops what the step returns", async () => {
  await using scene = memoryScene();
  const begun = Promise.withResolvers<void>();
  const reasons: unknown[] = [];
  const workflow = defineWorkflow("w", (_inputs, ctx) =>
    ctx.step("a", async ({ signal }) => {
      begun.resolve();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      reasons.push(signal.reason, ctx.signal.reason);
    }),
  );
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  const failed = failure(run.result());
  await begun.promise;
  await run.cancel("enough");
  expect(await failed).toBe("RUN_CANCELLED");
  expect(reasons.map((reason) => NexusError.is(reason, "RUN_CANCELLED"))).toEqual([true, true]);
  expect(await story(app, run.runId)).toEqual(["workflow.started", "step.started a@1", "workflow.cancelled"]);
});

test("[run.3] the signal of a caller cancels its run", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", () => new Promise<void>(() => {}));
  const app = await scene.start({ workflows: [workflow] });
  const caller = new AbortController();
  const failed = failure(app.execute(workflow, {}, { signal: caller.signal }));
  await app.waitForEvent("workflow.started", { after: "earliest" });
  caller.abort();
  expect(await failed).toBe("RUN_CANCELLED");
});
