import { defineWorkflow } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { ended, eventsOf, memoryScene, STORES } from "./scene.ts";
import { testClock } from "./test-clock.ts";

test("[run.5] no more runs of a workflow go on at once than its concurrency", async () => {
  await using scene = memoryScene();
  let [running, most] = [0, 0];
  const three = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", { concurrency: 3 }, (_inputs, ctx) =>
    ctx.step("a", async () => {
      most = Math.max(most, ++running);
      if (running === 3) three.resolve();
      await three.promise;
      await ctx.emitEvent("tick", {});
      running -= 1;
    }),
  );
  const app = await scene.start({ workflows: [workflow] });
  await Promise.all(Array.from({ length: 20 }, () => app.execute(workflow)));
  expect(most).toBe(3);
});

test("[run.5] runs that wait start in the order they were recorded", async () => {
  await using scene = memoryScene();
  const order: unknown[] = [];
  const workflow = defineWorkflow("w", { concurrency: 1 }, async ({ n }) => {
    order.push(n);
  });
  const app = await scene.start({ workflows: [workflow] });
  await Promise.all(Array.from({ length: 10 }, (_, n) => app.execute(workflow, { n })));
  expect(order).toEqual(Array.from({ length: 10 }, (_, n) => n));
});

describe.each(STORES)("on %s", (_name, open) => {
  test("[run.5] runs that waited when their process died start in the order they were recorded", async () => {
    await using scene = await open();
    const begun = Promise.withResolvers<void>();
    const order: unknown[] = [];
    let blocked = true;
    const workflow = defineWorkflow("w", { concurrency: 1 }, async ({ n }) => {
      begun.resolve();
      if (blocked) await new Promise(() => {});
      order.push(n);
    });
    const before = await scene.start({ workflows: [workflow] });
    const runs = [];
    for (let n = 0; n < 6; n++) runs.push(await before.startRun(workflow, { n }));
    await begun.promise;
    await scene.crash();
    blocked = false;
    const app = await scene.start({ workflows: [workflow] });
    await Promise.all(runs.map(({ runId }) => ended(app, runId)));
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

test("[run.5] beyond queueLimit a run is refused with OVERLOADED, retryable, and nothing is recorded", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { concurrency: 1, queueLimit: 2 }, () => new Promise<void>(() => {}));
  const app = await scene.start({ workflows: [workflow] });
  for (let n = 0; n < 3; n++) await app.startRun(workflow);
  const before = (await app.getEvents()).cursor;
  await expect(app.startRun(workflow)).rejects.toMatchObject({ code: "OVERLOADED", retryable: true });
  expect((await app.getEvents()).cursor).toBe(before);
});

test("[run.5] a queued run shows as queued, and can be cancelled before it starts", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { concurrency: 1 }, () => new Promise<void>(() => {}));
  const app = await scene.start({ workflows: [workflow] });
  await app.startRun(workflow);
  const { runId } = await app.startRun(workflow);
  expect((await app.runs.get(runId)).status).toBe("queued");
  expect((await app.runs.cancel(runId)).status).toBe("cancelled");
});

test("[run.5] durationMs counts from workflow.started, not from the queue", async () => {
  await using scene = memoryScene();
  const clock = testClock();
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const workflow = defineWorkflow("w", { concurrency: 1 }, async ({ n }) => {
    begun[n as number]?.resolve();
    await gates[n as number]?.promise;
  });
  const app = await scene.start({ workflows: [workflow], clock });
  await app.startRun(workflow, { n: 0 });
  const run = await app.startRun(workflow, { n: 1 });
  clock.advance(60_000);
  gates[0]?.resolve();
  await begun[1]?.promise;
  clock.advance(250);
  gates[1]?.resolve();
  await run.result();
  expect((await eventsOf(app, run.runId)).at(-1)?.data.durationMs).toBe(250);
});

test("[run.5] a run that sleeps while it works keeps its place for the work", async () => {
  await using scene = memoryScene();
  let [running, most] = [0, 0];
  const workflow = defineWorkflow("w", { concurrency: 1 }, async (_inputs, ctx) => {
    const asleep = ctx.sleep(5);
    await ctx.step("a", async () => {
      most = Math.max(most, ++running);
      await ctx.emitEvent("tick", {});
      running -= 1;
    });
    await asleep;
  });
  const app = await scene.start({ workflows: [workflow] });
  await Promise.all(Array.from({ length: 10 }, () => app.execute(workflow)));
  expect(most).toBe(1);
});

test("[run.5] a run that works beside executing another of its own workflow gives up its place when only that is left", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { concurrency: 1 }, async ({ depth }, ctx): Promise<number> => {
    if (depth === 0) return 1;
    const work = ctx.step("a", () => 1);
    const child = ctx.execute(workflow as never, { depth: 0 } as never) as Promise<number>;
    return (await work) + (await child);
  });
  const app = await scene.start({ workflows: [workflow] });
  expect(await app.execute(workflow, { depth: 1 })).toBe(2);
});

test("[run.5] a workflow that is registered again has the concurrency of its new code", async () => {
  await using scene = memoryScene();
  const app = await scene.start();
  app.register(defineWorkflow("w", { concurrency: 1 }, () => 1));
  await app.execute("w");
  app.unregister("w");
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let n = 0;
  app.register(
    defineWorkflow("w", { concurrency: 2 }, async () => {
      begun[n++]?.resolve();
      await Promise.all(begun.map(({ promise }) => promise));
    }),
  );
  expect(await Promise.all([app.execute("w"), app.execute("w")])).toHaveLength(2);
});
