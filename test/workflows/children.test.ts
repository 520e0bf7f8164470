import { defineWorkflow } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { ended, eventsOf, failure, memoryScene, STORES, seen, story } from "./scene.ts";

describe.each(STORES)("on %s", (_name, open) => {
  test("[run.2] a run that another executes is found again after a crash, and is one run", async () => {
    await using scene = await open();
    const begun = Promise.withResolvers<void>();
    let blocked = true;
    const child = defineWorkflow("child", async ({ n }) => {
      begun.resolve();
      if (blocked) await new Promise(() => {});
      return (n as number) + 1;
    });
    const parent = defineWorkflow("parent", async (_inputs, ctx) => (await ctx.execute(child, { n: 1 })) * 10);
    const { runId } = await (await scene.start({ workflows: [parent, child] })).startRun(parent);
    await begun.promise;
    await scene.crash();
    blocked = false;
    const app = await scene.start({ workflows: [parent, child] });
    expect((await ended(app, runId)).data.result).toBe(20);
    expect((await app.runs.list({ workflow: "child" })).runs).toHaveLength(1);
  });
});

test("[run.2] a run that ended while its parent's process was dead gives its parent the result", async () => {
  await using scene = memoryScene();
  const begun = Promise.withResolvers<void>();
  let blocked = true;
  const child = defineWorkflow("child", async () => {
    begun.resolve();
    if (blocked) await new Promise(() => {});
    return "grown";
  });
  const parent = defineWorkflow("parent", (_inputs, ctx) => ctx.execute(child));
  const { runId } = await (await scene.start({ workflows: [parent, child] })).startRun(parent);
  await begun.promise;
  await scene.crash();
  blocked = false;
  const between = await scene.start({ workflows: [child] });
  await seen(between, "workflow.completed");
  const app = await scene.start({ workflows: [parent, child] });
  expect((await ended(app, runId)).data.result).toBe("grown");
  expect((await app.getEvents({ type: "workflow.started", workflow: "child" })).events).toHaveLength(1);
});

test("[run.3] the failure of a run that another executes is that step's failure, once", async () => {
  await using scene = memoryScene();
  const child = defineWorkflow("child", () => {
    throw Object.assign(new Error("no luck"), { code: "E_LUCK" });
  });
  const parent = defineWorkflow("parent", (_inputs, ctx) => failure(ctx.execute(child)));
  const app = await scene.start({ workflows: [parent, child] });
  const run = await app.startRun(parent);
  expect(await run.result()).toBe("WORKFLOW_FAILED");
  expect((await story(app, run.runId)).filter((line) => line.startsWith("step."))).toEqual([
    "step.started execute:child#1@1",
    "step.failed execute:child#1@1",
  ]);
});

test("[run.3] cancelling a run cancels the one it executes, and what that executes", async () => {
  await using scene = memoryScene();
  const begun = Promise.withResolvers<void>();
  const grandchild = defineWorkflow("grandchild", () => {
    begun.resolve();
    return new Promise<void>(() => {});
  });
  const child = defineWorkflow("child", (_inputs, ctx) => ctx.execute(grandchild));
  const parent = defineWorkflow("parent", (_inputs, ctx) => ctx.execute(child));
  const app = await scene.start({ workflows: [parent, child, grandchild] });
  const run = await app.startRun(parent);
  run.result().catch(() => {});
  await begun.promise;
  await run.cancel();
  const { runs } = await app.runs.list({ status: "cancelled" });
  expect(runs.map(({ workflowName }) => workflowName).sort()).toEqual(["child", "grandchild", "parent"]);
});

test("[run.3] when a run fails, what it is still executing is cancelled", async () => {
  await using scene = memoryScene();
  const begun = Promise.withResolvers<void>();
  const child = defineWorkflow("child", () => {
    begun.resolve();
    return new Promise<void>(() => {});
  });
  const parent = defineWorkflow("parent", async (_inputs, ctx) => {
    const failing = begun.promise.then(() => {
      throw new Error("beside it");
    });
    await Promise.all([ctx.execute(child), failing]);
  });
  const app = await scene.start({ workflows: [parent, child] });
  await failure(app.execute(parent));
  expect(await seen(app, "workflow.cancelled")).toMatchObject({
    workflowName: "child",
    data: { reason: "the run that executed it failed" },
  });
});

test("[run.2] a run whose child leaves at stop() while a step beside it still works is left, not failed", async () => {
  await using scene = memoryScene();
  const asleep = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const child = defineWorkflow("child", async (_inputs, ctx) => {
    await ctx.waitForEvent("go");
    return "grown";
  });
  const parent = defineWorkflow("parent", async (_inputs, ctx) => {
    const beside = ctx.step("beside", () => {
      asleep.resolve();
      return gate.promise;
    });
    return (await Promise.all([ctx.execute(child), beside]))[0];
  });
  const before = await scene.start({ workflows: [parent, child] });
  const { runId } = await before.startRun(parent);
  await asleep.promise;
  await expect.poll(async () => (await before.runs.list({ status: "waiting" })).runs.length, { interval: 2 }).toBe(1);
  const stopped = before.stop();
  await new Promise((resolve) => setImmediate(resolve));
  gate.resolve();
  expect(await stopped).toMatchObject({ runsLeft: 2 });
  const app = await scene.start({ workflows: [parent, child] });
  await app.emitEvent("go", {});
  expect(await ended(app, runId)).toMatchObject({ type: "workflow.completed", data: { result: "grown" } });
});

test("[event.11] a run that another executes has its channel, owner, session and correlation", async () => {
  await using scene = memoryScene();
  const child = defineWorkflow("child", (_inputs, ctx) => ctx.runId);
  const parent = defineWorkflow("parent", (_inputs, ctx) => ctx.execute(child));
  const app = await scene.start({ workflows: [parent, child] });
  const run = await app.startRun(parent, {}, { userId: "ann", sessionId: "s1" });
  const [first] = await eventsOf(app, run.runId);
  const [childsFirst] = await eventsOf(app, await run.result());
  expect(childsFirst).toMatchObject({ userId: "ann", sessionId: "s1", channel: "app", correlationId: first?.correlationId });
});
