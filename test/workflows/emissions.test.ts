import { defineWorkflow } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { ended, eventsOf, failure, memoryScene, STORES } from "./scene.ts";

describe.each(STORES)("on %s", (_name, open) => {
  test("[run.11] code that runs again after a crash emits nothing twice", async () => {
    await using scene = await open();
    const reached = Promise.withResolvers<void>();
    const workflow = defineWorkflow("w", async (_inputs, ctx) => {
      await ctx.emitEvent("note", { at: "begin", pass: ctx.attempt });
      await ctx.step("a", () => ctx.emitEvent("note", { at: "in a" }));
      await ctx.broadcastEvent("note", { at: "after a", pass: ctx.attempt });
      if (ctx.attempt === 1) {
        reached.resolve();
        await new Promise(() => {});
      }
      await ctx.emitEvent("note", { at: "end", pass: ctx.attempt });
    });
    const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
    await reached.promise;
    const app = await scene.start({ workflows: [workflow] });
    await ended(app, runId);
    const notes = (await eventsOf(app, runId)).filter(({ type }) => type === "note");
    expect(notes.map(({ id, data }) => [id, data.at, data.pass])).toEqual([
      [`${runId}:main:1`, "begin", 1],
      [`${runId}:a@1:1`, "in a", undefined],
      [`${runId}:main:2`, "after a", 1],
      [`${runId}:main:3`, "end", 2],
    ]);
  });
});

test("[run.11] each attempt of a step emits its own events", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { retry: { baseMs: 0 } }, (_inputs, ctx) =>
    ctx.step("a", async ({ attempt }) => {
      await ctx.emitEvent("tried", { attempt });
      await ctx.emitEvent("tried", { attempt });
      if (attempt < 3) throw new Error("again");
    }),
  );
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await run.result();
  const ids = (await eventsOf(app, run.runId)).filter(({ type }) => type === "tried").map(({ id }) => id);
  expect(ids).toEqual([1, 2, 3].flatMap((attempt) => [1, 2].map((n) => `${run.runId}:a@${attempt}:${n}`)));
});

test("[run.11] app.emitEvent called inside a run is an event of that run, with such an id", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await app.emitEvent("note", {});
    await ctx.step("a", () => app.broadcastEvent("note", {}));
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await run.result();
  const notes = (await eventsOf(app, run.runId)).filter(({ type }) => type === "note");
  expect(notes.map(({ id }) => id)).toEqual([`${run.runId}:main:1`, `${run.runId}:a@1:1`]);
});

test("[run.11] an id the run already has is answered with the first event's receipt, whatever the data now says", async () => {
  await using scene = memoryScene();
  const receipts: unknown[] = [];
  const reached = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    receipts.push(await ctx.emitEvent("note", { random: Math.random() }));
    reached.resolve();
    if (ctx.attempt === 1) await new Promise(() => {});
  });
  const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
  await reached.promise;
  await ended(await scene.start({ workflows: [workflow] }), runId);
  expect(receipts[1]).toEqual(receipts[0]);
});

test("[run.11] an id of the emitter's own is kept", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => (await ctx.emitEvent("note", {}, { id: "mine" })).id);
  const app = await scene.start({ workflows: [workflow] });
  expect(await app.execute(workflow)).toBe("mine");
});

test("[run.9] code that goes on after its run was cancelled can emit nothing more for it", async () => {
  await using scene = memoryScene();
  const cancelled = Promise.withResolvers<void>();
  const emitted = Promise.withResolvers<string>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await cancelled.promise;
    emitted.resolve(await failure(ctx.emitEvent("note", {})));
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  run.result().catch(() => {});
  await run.cancel();
  cancelled.resolve();
  expect(await emitted.promise).toBe("RUN_CANCELLED");
});
