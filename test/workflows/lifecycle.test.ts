import { defineWorkflow, memoryStore, Nexus, NexusError } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { ended, eventsOf, failure, memoryScene, quiet, STORES, story } from "./scene.ts";

const twoSteps = defineWorkflow("two-steps", async (inputs, ctx) => {
  const a = await ctx.step("a", () => 1);
  const b = await ctx.step("b", () => a + 1);
  return { ...inputs, b };
});

describe.each(STORES)("on %s", (_name, open) => {
  test("[run.1] a run is recorded as its start, its steps in order, and one end", async () => {
    await using scene = await open();
    const app = await scene.start({ workflows: [twoSteps] });
    const run = await app.startRun(twoSteps, { x: 1 });
    expect(await run.result()).toEqual({ x: 1, b: 2 });
    expect(await story(app, run.runId)).toEqual([
      "workflow.started",
      "step.started a@1",
      "step.completed a@1",
      "step.started b@1",
      "step.completed b@1",
      "workflow.completed",
    ]);
  });

  test("[run.1] a run that waited for a place is queued, started and ended, once each", async () => {
    await using scene = await open();
    const gate = Promise.withResolvers<void>();
    const narrow = defineWorkflow("narrow", { concurrency: 1 }, async () => await gate.promise);
    const app = await scene.start({ workflows: [narrow] });
    const first = await app.startRun(narrow);
    const second = await app.startRun(narrow);
    gate.resolve();
    await Promise.all([first.result(), second.result()]);
    expect(await story(app, second.runId)).toEqual(["workflow.queued", "workflow.started", "workflow.completed"]);
  });

  test("[run.1] after a crash a run has one start and one end", async () => {
    await using scene = await open();
    const begun = Promise.withResolvers<void>();
    let pass = 0;
    const workflow = defineWorkflow("w", async () => {
      pass += 1;
      begun.resolve();
      if (pass === 1) await new Promise(() => {});
    });
    const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
    await begun.promise;
    const app = await scene.start({ workflows: [workflow] });
    await ended(app, runId);
    expect(await story(app, runId)).toEqual(["workflow.started", "workflow.resumed", "workflow.completed"]);
  });
});

test("[run.1] ctx.step resolves only when step.completed can be read", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await ctx.step("a", () => 1);
    return (await story(app, ctx.runId)).at(-1) ?? "";
  });
  const app = await scene.start({ workflows: [workflow] });
  expect(await app.execute(workflow)).toBe("step.completed a@1");
});

test("[run.1] code that throws ends its run as failed, with the error, its step, the inputs and the attempt", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { retry: { attempts: 1 } }, async (_inputs, ctx) => {
    await ctx.step("pay", () => {
      throw Object.assign(new TypeError("no money"), { code: "BROKE" });
    });
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow, { n: 1 });
  await failure(run.result());
  expect((await eventsOf(app, run.runId)).at(-1)).toMatchObject({
    type: "workflow.failed",
    data: { inputs: { n: 1 }, attempt: 1, error: { name: "TypeError", message: "no money", code: "BROKE", step: "pay" } },
  });
});

test("[run.1] what code leaves running when it returns is not recorded behind the end", async () => {
  await using scene = memoryScene();
  const late = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    ctx.step("stray", () => late.promise).catch(() => {});
  });
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await run.result();
  late.resolve();
  await app.settled();
  expect((await story(app, run.runId)).at(-1)).toBe("workflow.completed");
});

test("[run.7] inputs that do not fit are refused with every fault, and there is no run", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { inputs: { file: "string", limit: "integer" } }, () => 1);
  const app = await scene.start({ workflows: [workflow] });
  const error: unknown = await app.execute(workflow, { limit: 1.5 } as never).catch((thrown: unknown) => thrown);
  expect(NexusError.is(error, "INPUT_INVALID") && error.details.faults.map(({ path }) => path).sort()).toEqual(["file", "limit"]);
  expect((await app.runs.list()).runs).toEqual([]);
});

test.each(["", "a b", "ü", "x".repeat(129), "a/b"])("[run.7] %j names no workflow", (name) => {
  expect(() => defineWorkflow(name, () => 1)).toThrow(expect.objectContaining({ code: "NAME_INVALID" }));
});

test("[run.7] a second workflow of one name is refused, and the first stays", async () => {
  const app = new Nexus({ store: memoryStore(), logger: quiet });
  app.register(defineWorkflow("w", () => "first"));
  expect(() => app.register(defineWorkflow("w", () => "second"))).toThrow(expect.objectContaining({ code: "WORKFLOW_EXISTS" }));
  expect(await app.execute("w")).toBe("first");
  await app.stop();
});

test("[run.7] a registration that is refused records nothing", async () => {
  const app = new Nexus({ store: memoryStore(), logger: quiet });
  app.register(defineWorkflow("w", () => 1));
  expect(() => app.register("w", {} as never, {})).toThrow(expect.objectContaining({ code: "GRAPH_INVALID" }));
  expect((await app.getEvents({ type: "workflow.registered" })).events).toHaveLength(1);
  await app.stop();
});

test("[run.7] what the caller does to the inputs after the call changes nothing", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", (inputs) => inputs);
  const app = await scene.start({ workflows: [workflow] });
  const inputs = { list: [1] };
  const result = app.execute(workflow, inputs);
  inputs.list.push(2);
  expect(await result).toEqual({ list: [1] });
});

test("[run.1] a workflow that throws what cannot be looked at is recorded as failed", async () => {
  await using scene = memoryScene();
  const hostile = defineWorkflow("hostile", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy as Error;
  });
  const app = await scene.start({ workflows: [hostile] });
  const run = await app.startRun(hostile);
  await failure(run.result());
  expect(await story(app, run.runId)).toEqual(["workflow.started", "workflow.failed"]);
});
