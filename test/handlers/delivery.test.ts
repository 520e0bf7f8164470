import { defineWorkflow, NexusError } from "nexus-event-system";
import { expect, test } from "vitest";
import { appendForeign, heldStore } from "../workflows/held-store.ts";
import { memoryScene, scene, seen } from "../workflows/scene.ts";

test("[handler.1] a handler is called once for each event recorded after its registration, in log order", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("n", { n: -1 });
  const got: unknown[] = [];
  app.onEvent("n", ({ data }) => got.push((data as { n: number }).n));
  await Promise.all(Array.from({ length: 500 }, (_, n) => app.emitEvent("n", { n })));
  await app.settled();
  expect(got).toEqual(Array.from({ length: 500 }, (_, n) => n));
});

test("[handler.1] a handler is called after the event is recorded: it can read it", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const found: boolean[] = [];
  app.onEvent("n", async ({ sequence }) => found.push((await app.getEvents()).events.some((event) => event.sequence === sequence)));
  await app.emitEvent("n", {});
  await app.settled();
  expect(found).toEqual([true]);
});

test("[handler.1] emitEvent waits for no handler", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  app.onEvent("n", async () => {
    await gate.promise;
    order.push("handled");
  });
  await app.emitEvent("n", {});
  order.push("emitted");
  gate.resolve();
  await app.settled();
  expect(order).toEqual(["emitted", "handled"]);
});

test("[handler.1] at most sixteen calls of one handler are unfinished; it lags, and goes on where it was", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const begun: { readonly n: number; readonly end: () => void }[] = [];
  let wake = (): void => {};
  app.onEvent("n", ({ data }) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    begun.push({ n: (data as { n: number }).n, end: resolve });
    wake();
    return promise;
  });
  const reach = async (count: number): Promise<void> => {
    while (begun.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  const quick: number[] = [];
  app.onEvent("n", ({ data }) => quick.push((data as { n: number }).n));
  await Promise.all(Array.from({ length: 40 }, (_, n) => app.emitEvent("n", { n })));
  await reach(16);
  await expect.poll(() => quick.length).toBe(40); // The other handler is through: this one had its chance to begin more.
  expect(begun.map(({ n }) => n)).toEqual(Array.from({ length: 16 }, (_, n) => n));
  begun[9]?.end();
  await reach(17);
  expect(begun[16]?.n).toBe(16);
  for (let n = 0; n < 40; n++) {
    await reach(n + 1);
    begun[n]?.end();
  }
  await app.settled();
  expect(begun.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, n) => n));
});

test("[handler.1] events of another process call nobody", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const app = await place.start();
  const got: unknown[] = [];
  app.onEvent("n", ({ data }) => got.push(data));
  await app.emitEvent("n", "ours");
  await appendForeign(held.log, await seen(app, "n"), "n", { whose: "theirs" });
  await app.emitEvent("n", "ours again");
  await app.settled();
  expect(got).toEqual(["ours", "ours again"]);
});

test("[handler.1] a repeated id calls nobody", async () => {
  await using place = memoryScene();
  const app = await place.start();
  let calls = 0;
  app.onEvent("n", () => {
    calls += 1;
  });
  for (let i = 0; i < 3; i++) await app.emitEvent("n", { same: true }, { id: "one" });
  await app.settled();
  expect(calls).toBe(1);
});

test("[handler.1] an event whose append had an unknown outcome calls once it is seen recorded", async () => {
  const held = heldStore((opened) => ({
    ...opened,
    log: {
      ...opened.log,
      append: async (event, options) => {
        const position = await opened.log.append(event, options);
        if (event.type === "n" && position.recorded) throw new NexusError("STORE_UNAVAILABLE", { store: "memory" });
        return position;
      },
    },
  }));
  await using place = scene(() => held.store);
  const app = await place.start();
  const got: unknown[] = [];
  app.onEvent("n", ({ data }) => got.push(data));
  await expect(app.emitEvent("n", 1, { id: "one" })).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  await app.emitEvent("n", 1, { id: "one" });
  await app.settled();
  expect(got).toEqual([1]);
});

test("[handler.1] after the process died its handlers are not called for what it recorded", async () => {
  await using place = memoryScene();
  await (await place.start()).emitEvent("n", {});
  const app = await place.start();
  let calls = 0;
  app.onEvent("n", () => {
    calls += 1;
  });
  await app.settled();
  expect(calls).toBe(0);
});

test("[handler.1] handlers registered before the app is open hear of its registrations", async () => {
  await using place = memoryScene();
  const app = await place.start({ workflows: [defineWorkflow("w", () => 1)] });
  const names: string[] = [];
  app.onWorkflowRegistered(({ workflowName }) => names.push(workflowName));
  app.onWorkflowUnregistered(({ workflowName }) => names.push(`-${workflowName}`));
  app.register(defineWorkflow("later", () => 1));
  app.unregister("later");
  await app.settled();
  expect(names).toEqual(["later", "-later"]);
});

test("[handler.1] the on… methods tell of a run's life, by the fields of each event", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", { retry: { attempts: 1 } }, (inputs, ctx) => {
    ctx.progress(50, "half");
    if (inputs["fail"] === true) throw new Error("no");
    return "yes";
  });
  const app = await place.start({ workflows: [workflow] });
  const told: unknown[] = [];
  app.onWorkflowStarted(({ inputs }) => told.push(["started", inputs]));
  app.onWorkflowProgress(({ percentage, step }) => told.push(["progress", percentage, step]));
  app.onWorkflowCompleted(({ result }) => told.push(["completed", result]));
  app.onWorkflowFailed(({ error }) => told.push(["failed", error.message]));
  await app.execute(workflow, {});
  await app.execute(workflow, { fail: true }).catch(() => {});
  await app.settled();
  const each = [
    ["started", {}],
    ["progress", 50, "half"],
    ["completed", "yes"],
    ["started", { fail: true }],
    ["progress", 50, "half"],
  ];
  expect(told).toHaveLength(6);
  expect(told).toEqual(expect.arrayContaining([...each, ["failed", "no"]]));
});

test("[handler.1] a filter picks by workflow, channel and pattern of type", async () => {
  await using place = memoryScene();
  const a = defineWorkflow("a", () => 1);
  const b = defineWorkflow("b", () => 1);
  const app = await place.start({ workflows: [a, b] });
  const got: unknown[] = [];
  app.onEvent("workflow.*", { workflow: a }, ({ type }) => got.push(type));
  app.onWorkflowStarted({ channel: "api" }, () => got.push("not of this channel"));
  await app.execute(b);
  await app.execute(a);
  await app.settled();
  expect(got).toEqual(["workflow.started", "workflow.completed"]);
});

test("[handler.3] registration returns a function that removes the handler", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const got: unknown[] = [];
  const off = app.onEvent("n", ({ data }) => got.push(data));
  await app.emitEvent("n", 1);
  await app.settled();
  off();
  off();
  await app.emitEvent("n", 2);
  await app.settled();
  expect(got).toEqual([1]);
});

test("[handler.3] a signal removes the handler; one that is aborted already never adds it", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const got: unknown[] = [];
  const controller = new AbortController();
  app.onEvent("n", { signal: controller.signal }, ({ data }) => got.push(data));
  await app.emitEvent("n", 1);
  await app.settled();
  controller.abort();
  app.onEvent("n", { signal: controller.signal }, () => got.push("never"));
  await app.emitEvent("n", 2);
  await app.settled();
  expect(got).toEqual([1]);
});

test("[handler.1] settled() resolves when all handlers are through what was recorded before the call", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const done: number[] = [];
  app.onEvent("n", async ({ data }) => {
    await app.getEvents({ limit: 1 });
    done.push((data as { n: number }).n);
  });
  for (let n = 0; n < 30; n++) void app.emitEvent("n", { n });
  await app.settled();
  expect(done).toHaveLength(30);
});
