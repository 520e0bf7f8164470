import { defineWorkflow, NexusError } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { heldStore } from "./held-store.ts";
import { ended, eventsOf, failure, memoryScene, STORES, scene, seen } from "./scene.ts";

const KIB = 1024;

describe.each(STORES)("on %s", (_name, open) => {
  test("[step.4] a result above 32 KiB stands in the event by its size, and comes back whole on a later pass", async () => {
    await using place = await open();
    // Characters of two code units, so that no cut falls well by itself; and of one, so that the cuts shift.
    const large = `x${"🎬".repeat(200_000)}`;
    const reached = Promise.withResolvers<void>();
    const workflow = defineWorkflow("w", async (_inputs, ctx) => {
      const back = await ctx.step("a", () => large);
      reached.resolve();
      if (ctx.attempt === 1) await new Promise(() => {});
      return back === large;
    });
    const before = await place.start({ workflows: [workflow] });
    const { runId } = await before.startRun(workflow);
    await reached.promise;
    expect((await seen(before, "step.completed", runId)).data).toEqual({
      step: "a",
      attempt: 1,
      resultBytes: 800_003,
      durationMs: expect.any(Number),
    });
    expect((await ended(await place.start({ workflows: [workflow] }), runId)).data.result).toBe(true);
  });
});

test("[step.4] a large result is in State before step.completed is appended", async () => {
  const order: string[] = [];
  const held = heldStore((opened) => ({
    ...opened,
    log: {
      ...opened.log,
      append: async (event, options) => {
        if (event.type === "step.completed") order.push("append");
        return await opened.log.append(event, options);
      },
    },
    state: {
      ...opened.state,
      put: async (key, value, options) => {
        const revision = await opened.state.put(key, value, options);
        if (key.startsWith("results/")) order.push("put");
        return revision;
      },
    },
  }));
  await using place = scene(() => held.store);
  const workflow = defineWorkflow("w", (_inputs, ctx) => ctx.step("a", () => "x".repeat(250_000)).then(() => {}));
  await (await place.start({ workflows: [workflow] })).execute(workflow);
  expect(order).toEqual(["put", "put", "put", "append"]);
});

test("[step.4] what an attempt left in State whose process died before it was recorded does not mix with the next one's", async () => {
  let dead = false;
  const died = Promise.withResolvers<void>();
  const held = heldStore((opened) => ({
    ...opened,
    log: {
      ...opened.log,
      append: async (event, options) => {
        if (event.type !== "step.completed" || dead) return await opened.log.append(event, options);
        dead = true;
        died.resolve();
        return await new Promise(() => {});
      },
    },
  }));
  await using place = scene(() => held.store);
  const reached = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    const value = await ctx.step("a", ({ attempt }) => (attempt === 1 ? "long".repeat(200_000) : "short".repeat(10_000)));
    reached.resolve();
    if (ctx.attempt === 2) await new Promise(() => {});
    return value.length;
  });
  const { runId } = await (await place.start({ workflows: [workflow] })).startRun(workflow);
  await died.promise;
  await place.start({ workflows: [workflow] });
  await reached.promise;
  expect((await ended(await place.start({ workflows: [workflow] }), runId)).data.result).toBe(50_000);
});

test("[step.4] a step's result of 4 MiB is taken, and a byte more is RESULT_INVALID with its size, and is not tried again", async () => {
  await using place = memoryScene();
  let tries = 0;
  const workflow = defineWorkflow("w", (inputs, ctx) =>
    ctx
      .step("a", () => {
        tries += 1;
        return "x".repeat((inputs["bytes"] as number) - 2);
      })
      .then((text) => text.length),
  );
  const app = await place.start({ workflows: [workflow] });
  expect(await app.execute(workflow, { bytes: 4 * KIB * KIB })).toBe(4 * KIB * KIB - 2);
  expect(await failure(app.execute(workflow, { bytes: 4 * KIB * KIB + 1 }))).toBe("RESULT_INVALID");
  expect(tries).toBe(2);
});

test("[event.7] a run's result beyond 256 KiB fails it with RESULT_INVALID, with its size and the limit", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => "x".repeat(256 * KIB));
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await failure(run.result());
  const { error } = (await eventsOf(app, run.runId)).at(-1)?.data ?? {};
  expect(error).toMatchObject({ code: "RESULT_INVALID", message: expect.stringMatching(/262146.*262144/) });
});

test.each([
  ["a function", { a: { b: () => 1 } }, "a.b"],
  ["a Date", { a: [new Date(0)] }, "a.0"],
  ["a BigInt", { n: 1n }, "n"],
  ["NaN", [0, Number.NaN], "1"],
])("[event.7] a result with %s fails its step with RESULT_INVALID and the path, and is not tried again", async (_what, value, path) => {
  await using place = memoryScene();
  let tries = 0;
  const workflow = defineWorkflow("w", (_inputs, ctx) =>
    ctx.step("a", () => {
      tries += 1;
      return value as never;
    }),
  );
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await failure(run.result());
  const { error } = (await seen(app, "step.failed", run.runId)).data;
  expect([error.code, error.message.includes(`result.${path}:`), tries]).toEqual(["RESULT_INVALID", true, 1]);
});

test("[log.10] a step whose large result the store cannot take for a while is not run again", async () => {
  let refusals = 2;
  const held = heldStore((opened) => ({
    ...opened,
    state: {
      ...opened.state,
      put: async (key, value, options) => {
        if (refusals-- > 0) throw new NexusError("STORE_UNAVAILABLE", { store: "memory" });
        return await opened.state.put(key, value, options);
      },
    },
  }));
  await using place = scene(() => held.store);
  let tries = 0;
  const workflow = defineWorkflow("w", (_inputs, ctx) =>
    ctx
      .step("a", () => {
        tries += 1;
        return "x".repeat(40_000);
      })
      .then((text) => text.length),
  );
  expect(await (await place.start({ workflows: [workflow] })).execute(workflow)).toBe(40_000);
  expect(tries).toBe(1);
});
