import { defineWorkflow } from "nexus-event-system";
import { expect, test } from "vitest";
import { ended, eventsOf, failure, memoryScene } from "./scene.ts";

test("[step.1] the nth call with an id is the step id#n; sleeps and waits have their number from the first", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await ctx.step("a", () => 1);
    await ctx.step("a", () => 2);
    await ctx.sleep(0);
    await ctx.sleep(0);
    await ctx.waitForEvent("order.paid", { timeoutMs: 0 });
    await ctx.waitForEvent("order.paid", { timeoutMs: 0 });
    await ctx.step("a", () => 3);
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await run.result();
  const completed = (await eventsOf(app, run.runId)).filter(({ type }) => type === "step.completed");
  const keys = ["a", "a#2", "sleep#1", "sleep#2", "wait:order.paid#1", "wait:order.paid#2", "a#3"];
  expect(completed.map(({ data }) => data.step)).toEqual(keys);
});

test("[step.1] on a later pass each call gets the result of its own number", async () => {
  await using scene = memoryScene();
  const reached = Promise.withResolvers<void>();
  let n = 0;
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    const results = [];
    for (let i = 0; i < 3; i++) results.push(await ctx.step("a", () => ++n));
    reached.resolve();
    if (ctx.attempt === 1) await new Promise(() => {});
    return results;
  });
  const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
  await reached.promise;
  expect((await ended(await scene.start({ workflows: [workflow] }), runId)).data.result).toEqual([1, 2, 3]);
});

test("[step.1] a call with the id of one that is still running is STEP_REPEATED, on the first pass as on a later one", async () => {
  await using scene = memoryScene();
  const errors: string[] = [];
  const reached = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    const [, second] = await Promise.all([ctx.step("a", () => 1), failure(ctx.step("a", () => 2))]);
    errors.push(second);
    reached.resolve();
    if (ctx.attempt === 1) await new Promise(() => {});
  });
  const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
  await reached.promise;
  await ended(await scene.start({ workflows: [workflow] }), runId);
  expect(errors).toEqual(["STEP_REPEATED", "STEP_REPEATED"]);
});

test("[step.1] steps of different ids run side by side", async () => {
  await using scene = memoryScene();
  const both = Promise.withResolvers<void>();
  let begun = 0;
  const meet = (): Promise<void> => {
    if (++begun === 2) both.resolve();
    return both.promise;
  };
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await Promise.all([ctx.step("a", meet), ctx.step("b", meet)]);
  });
  const app = await scene.start({ workflows: [workflow] });
  await app.execute(workflow);
  expect(begun).toBe(2);
});

test.each(["", "a b", "a#2", "wait:x", "x".repeat(129)])("[step.1] %j is no id of a step", async (id) => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", (_inputs, ctx) => ctx.step(id, () => 1));
  const app = await scene.start({ workflows: [workflow] });
  expect(await failure(app.execute(workflow))).toBe("NAME_INVALID");
});

test("[step.1] recorded steps that are no longer asked for are ignored", async () => {
  await using scene = memoryScene();
  const reached = Promise.withResolvers<void>();
  const old = defineWorkflow("w", async (_inputs, ctx) => {
    await ctx.step("gone", () => 1);
    reached.resolve();
    await new Promise(() => {});
  });
  const { runId } = await (await scene.start({ workflows: [old] })).startRun(old);
  await reached.promise;
  const app = await scene.start({ workflows: [defineWorkflow("w", (_inputs, ctx) => ctx.step("new", () => 2))] });
  expect((await ended(app, runId)).data.result).toBe(2);
});

test("[step.2] ctx.step gives back the JSON that was recorded, on the first pass as on a later one", async () => {
  await using scene = memoryScene();
  const values: unknown[] = [];
  const kept = { list: [1, 2], gone: undefined, deep: { a: null } };
  const reached = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    const value = await ctx.step("a", () => kept);
    values.push(value, Object.keys(value), value === kept);
    reached.resolve();
    if (ctx.attempt === 1) await new Promise(() => {});
  });
  const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
  await reached.promise;
  await ended(await scene.start({ workflows: [workflow] }), runId);
  const pass = [{ list: [1, 2], deep: { a: null } }, ["list", "deep"], false];
  expect(values).toEqual([...pass, ...pass]);
});

test("[step.2] what a step's owner does to a result afterwards changes nothing that is recorded", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    const value = await ctx.step("a", () => [1]);
    value.push(2);
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await run.result();
  expect((await eventsOf(app, run.runId)).find(({ type }) => type === "step.completed")?.data.result).toEqual([1]);
});

test("[step.2] no value is recorded as no result", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", (_inputs, ctx) => ctx.step("a", () => undefined));
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  expect(await run.result()).toBeUndefined();
  const ends = (await eventsOf(app, run.runId)).filter(({ type }) => type.endsWith(".completed"));
  expect(ends.map(({ data }) => "result" in data)).toEqual([false, false]);
});

test("[step.2] a failed step throws the same name, message and code on the first pass as on a later one, and does not run again", async () => {
  await using scene = memoryScene();
  const caught: unknown[] = [];
  let tries = 0;
  const reached = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    try {
      await ctx.step("a", { retry: { attempts: 1 } }, () => {
        tries += 1;
        throw Object.assign(new RangeError("too far"), { code: "E_FAR", secret: 1 });
      });
    } catch (error) {
      const { name, message, code, secret } = error as Error & { code: string; secret?: number };
      caught.push([error instanceof Error, name, message, code, secret]);
    }
    reached.resolve();
    if (ctx.attempt === 1) await new Promise(() => {});
  });
  const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
  await reached.promise;
  await ended(await scene.start({ workflows: [workflow] }), runId);
  const rebuilt = [true, "RangeError", "too far", "E_FAR", undefined];
  expect([caught, tries]).toEqual([[rebuilt, rebuilt], 1]);
});
