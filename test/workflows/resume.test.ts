import { defineWorkflow, NexusError, RetryAfter } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { ended, eventsOf, memoryScene, STORES, story } from "./scene.ts";
import { testClock } from "./test-clock.ts";

describe.each(STORES)("on %s", (_name, open) => {
  test("[run.2] after a crash finished steps give their recorded result and do not run again; code between them does", async () => {
    await using scene = await open();
    const calls: string[] = [];
    const reached = Promise.withResolvers<void>();
    const workflow = defineWorkflow("w", async (_inputs, ctx) => {
      calls.push("begin");
      const a = await ctx.step("a", () => {
        calls.push("a");
        return { random: Math.random() };
      });
      calls.push("between");
      if (ctx.attempt === 1) {
        reached.resolve();
        await new Promise(() => {});
      }
      await ctx.step("b", () => calls.push("b"));
      return a;
    });
    const first = await scene.start({ workflows: [workflow] });
    const { runId } = await first.startRun(workflow);
    await reached.promise;
    const recorded = (await eventsOf(first, runId)).find(({ type }) => type === "step.completed")?.data.result;
    const app = await scene.start({ workflows: [workflow] });
    expect((await ended(app, runId)).data.result).toEqual(recorded);
    expect(calls).toEqual(["begin", "a", "between", "begin", "between", "b"]);
  });

  test("[run.2] a step whose process died runs again, as its next attempt", async () => {
    await using scene = await open();
    const begun = Promise.withResolvers<void>();
    const attempts: number[] = [];
    const workflow = defineWorkflow("w", (_inputs, ctx) =>
      ctx.step("a", ({ attempt }) => {
        attempts.push(attempt);
        begun.resolve();
        return attempt === 1 ? new Promise<void>(() => {}) : undefined;
      }),
    );
    const before = await scene.start({ workflows: [workflow] });
    const { runId } = await before.startRun(workflow);
    await begun.promise;
    await eventsOf(before, runId); // What the step sent before it began is recorded.
    const app = await scene.start({ workflows: [workflow] });
    await ended(app, runId);
    expect(attempts).toEqual([1, 2]);
  });

  test("[run.3] a clock that was set back while no process was up makes no try of a step wait longer than it was to", async () => {
    await using scene = await open();
    const clock = testClock();
    const workflow = defineWorkflow("w", (_inputs, ctx) =>
      ctx.step("a", ({ attempt }) => {
        if (attempt === 1) throw new RetryAfter(7_000);
      }),
    );
    const before = await scene.start({ clock, workflows: [workflow] });
    const { runId } = await before.startRun(workflow);
    await before.waitForEvent("step.retrying", { after: "earliest" });
    await scene.crash();
    clock.advance(-3_600_000);
    const app = await scene.start({ clock, workflows: [workflow] });
    await clock.asleep(7_000);
    clock.advance(7_000);
    expect((await ended(app, runId)).type).toBe("workflow.completed");
  });

  test("[run.2] a step whose process died three times fails with STEP_INTERRUPTED", async () => {
    await using scene = await open();
    let begun = Promise.withResolvers<void>();
    let calls = 0;
    const workflow = defineWorkflow("w", { retry: { attempts: 10 } }, (_inputs, ctx) =>
      ctx.step("a", () => {
        calls += 1;
        begun.resolve();
        return new Promise<void>(() => {});
      }),
    );
    let app = await scene.start({ workflows: [workflow] });
    const { runId } = await app.startRun(workflow);
    for (let death = 1; death <= 3; death++) {
      await begun.promise;
      await eventsOf(app, runId);
      begun = Promise.withResolvers();
      app = await scene.start({ workflows: [workflow] });
    }
    expect((await ended(app, runId)).data.error).toMatchObject({ code: "STEP_INTERRUPTED", step: "a" });
    expect(calls).toBe(3);
  });

  test("[run.2] a run that was taken up ten times without a new step event fails with RUN_ABANDONED", async () => {
    await using scene = await open();
    const workflow = defineWorkflow("w", () => new Promise<void>(() => {}));
    let app = await scene.start({ workflows: [workflow] });
    const { runId } = await app.startRun(workflow);
    for (let death = 1; death <= 10; death++) {
      app = await scene.start({ workflows: [workflow] });
      await expect.poll(async () => (await eventsOf(app, runId)).length, { timeout: 10_000, interval: 5 }).toBe(1 + death);
    }
    app = await scene.start({ workflows: [workflow] });
    expect((await ended(app, runId)).data.error).toMatchObject({ code: "RUN_ABANDONED" });
  });

  test("[run.2] stop() ends no run: its signal aborts with STOPPING, nothing more is recorded, and the next start takes it up", async () => {
    await using scene = await open();
    const begun = Promise.withResolvers<void>();
    const reason = Promise.withResolvers<unknown>();
    const workflow = defineWorkflow("w", { retry: { attempts: 5 } }, async (_inputs, ctx) => {
      await ctx.step("a", ({ signal, attempt }) => {
        if (attempt > 1) return;
        begun.resolve();
        return new Promise<void>((_resolve, reject) =>
          signal.addEventListener("abort", () => {
            reason.resolve(signal.reason);
            reject(new Error("what is thrown now is no failure"));
          }),
        );
      });
    });
    const before = await scene.start({ workflows: [workflow] });
    const { runId } = await before.startRun(workflow);
    await begun.promise;
    expect(await before.stop({ deadlineMs: 0 })).toMatchObject({ runsLeft: 1 });
    expect(NexusError.is(await reason.promise, "STOPPING")).toBe(true);
    const app = await scene.start({ workflows: [workflow] });
    await ended(app, runId);
    expect(await story(app, runId)).toEqual([
      "workflow.started",
      "step.started a@1",
      "workflow.resumed",
      "step.started a@2",
      "step.completed a@2",
      "workflow.completed",
    ]);
  });
});

test("[run.2] a death counts as an attempt, and is followed by another also where there was to be one", async () => {
  await using scene = memoryScene();
  const begun = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", (_inputs, ctx) =>
    ctx.step("charge", { retry: { attempts: 1 } }, ({ attempt }) => {
      if (attempt > 1) return attempt;
      begun.resolve();
      return new Promise<number>(() => {});
    }),
  );
  const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
  await begun.promise;
  const app = await scene.start({ workflows: [workflow] });
  expect((await ended(app, runId)).data.result).toBe(2);
});

test("[run.2] stop() waits for a run that ends before its deadline", async () => {
  await using scene = memoryScene();
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await ctx.step("a", () => {
      begun.resolve();
      return gate.promise;
    });
    return "done";
  });
  const app = await scene.start({ workflows: [workflow] });
  const result = app.execute(workflow);
  await begun.promise;
  const stopped = app.stop();
  gate.resolve();
  expect(await result).toBe("done");
  expect(await stopped).toEqual({ handlersLeft: 0, runsLeft: 0 });
});

test("[run.2] stop() does not wait for a run that only sleeps, and neither for what it does beside that once it is done", async () => {
  await using scene = memoryScene();
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    const working = ctx.step("a", () => {
      begun.resolve();
      return gate.promise;
    });
    await Promise.all([working, ctx.sleep(3_600_000)]);
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await begun.promise;
  const stopped = app.stop({ deadlineMs: 3_600_000 });
  gate.resolve();
  expect(await stopped).toMatchObject({ runsLeft: 1 });
  await expect(run.result()).rejects.toMatchObject({ code: "STOPPING" });
});

test("[run.2] a run that executes another while the app stops is left, not failed", async () => {
  await using scene = memoryScene();
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const child = defineWorkflow("child", () => "grown");
  const parent = defineWorkflow("parent", async (_inputs, ctx) => {
    const beside = ctx.step("beside", () => {
      begun.resolve();
      return gate.promise;
    });
    await ctx.step("first", () => stopping.promise);
    const [grown] = await Promise.all([ctx.execute(child), beside]);
    return grown;
  });
  const stopping = Promise.withResolvers<void>();
  const before = await scene.start({ workflows: [parent, child] });
  const { runId } = await before.startRun(parent);
  await begun.promise;
  const stopped = before.stop();
  stopping.resolve();
  gate.resolve();
  await stopped;
  const app = await scene.start({ workflows: [parent, child] });
  expect(await ended(app, runId)).toMatchObject({ type: "workflow.completed", data: { result: "grown" } });
});
