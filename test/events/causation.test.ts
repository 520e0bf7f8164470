import { defineWorkflow, FatalError, type Nexus, type NexusEvent } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { ended, memoryScene, STORES, seen } from "../workflows/scene.ts";

/** Each event of a correlation in words, with what caused it: `step.started of first ← workflow.started of first`. */
async function causes(app: Nexus, correlationId: string): Promise<readonly string[]> {
  const { events } = await app.getEvents({ correlationId, limit: 1000 });
  const names = new Map(events.map((event) => [event.id, nameOf(event as NexusEvent<string, any>)]));
  return events.map(({ id, causationId }) => `${names.get(id)} ← ${causationId === undefined ? "nothing" : names.get(causationId)}`);
}

function nameOf({ type, workflowName, data }: NexusEvent<string, any>): string {
  return [type, ...(data.step === undefined ? [] : [data.step]), ...(workflowName === undefined ? [] : ["of", workflowName])].join(" ");
}

test("[event.11] from a request through run, step, handler and the run that starts, one correlation, and each event names its direct cause", async () => {
  const second = defineWorkflow("second", (_inputs, ctx) => ctx.emitEvent("last", {}).then(() => 2));
  const first = defineWorkflow("first", async (_inputs, ctx) => {
    await ctx.step("pay", () => ctx.emitEvent("paid", {}).then(() => 1));
  });
  await using site = await serve({ workflows: [first, second] });
  const { app } = site;
  app.onEvent("paid", () => app.emitEvent("noted", {}));
  app.onEvent("noted", () => app.startRun(second, {}));
  const { runId } = (await site.post("/workflows/first/execute", { inputs: {} })).body;
  await seen(app, "last");
  await app.settled();
  const [started] = (await app.getEvents({ runId, type: "workflow.started" })).events as readonly [NexusEvent];
  await ended(app, (await seen(app, "last")).runId as string);
  expect(started.correlationId).toBe(started.id);
  expect((await site.get(`/events?correlationId=${started.id}&limit=1000`)).body.events.map(({ id }: NexusEvent) => id)).toEqual(
    (await app.getEvents({ correlationId: started.id })).events.map(({ id }) => id),
  );
  expect([...(await causes(app, started.id))].sort()).toEqual(
    [
      "workflow.started of first ← nothing",
      "step.started pay of first ← workflow.started of first",
      "paid of first ← step.started pay of first",
      "step.completed pay of first ← workflow.started of first",
      "workflow.completed of first ← workflow.started of first",
      "noted of first ← paid of first",
      "workflow.started of second ← noted of first",
      "last of second ← workflow.started of second",
      "workflow.completed of second ← workflow.started of second",
    ].sort(),
  );
});

test("[event.11] an event emitted over HTTP begins a correlation of its own, which what handles it goes on with", async () => {
  await using site = await serve();
  const { app } = site;
  app.onEvent("asked", () => app.emitEvent("answered", {}));
  const { id } = (await site.post("/events", { type: "asked", data: {} })).body;
  expect(await seen(app, "answered")).toMatchObject({ correlationId: id, causationId: id, channel: "api", userId: "local" });
});

test("[event.11] what fails in a handler, and what is made of that, stays in the correlation", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.onEvent("asked", () => {
    throw new Error("no");
  });
  app.onEvent("handler.failed", () => app.emitEvent("alarm", {}));
  const { id } = await app.emitEvent("asked", {});
  await seen(app, "alarm");
  expect(await causes(app, id)).toEqual(["asked ← nothing", "handler.failed ← asked", "alarm ← handler.failed"]);
});

test("[event.11] what a consumer emits and starts is caused by the event it was given; so is its failure", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => 1);
  const app = await place.start({ workflows: [workflow] });
  app.consumer("starter", { type: "asked" }, () => app.execute(workflow));
  app.consumer("broken", { type: "asked" }, () => {
    throw new FatalError("no");
  });
  const { id } = await app.emitEvent("asked", {});
  await seen(app, "consumer.dead_lettered");
  await seen(app, "workflow.completed");
  expect([...(await causes(app, id))].sort()).toEqual([
    "asked ← nothing",
    "consumer.dead_lettered ← asked",
    "workflow.completed of w ← workflow.started of w",
    "workflow.started of w ← asked",
  ]);
});

test("[event.11] an emitter's own correlation is kept, and handed on", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.onEvent("asked", () => app.emitEvent("answered", {}));
  const { id } = await app.emitEvent("asked", {}, { correlationId: "order-7" });
  expect(await seen(app, "answered")).toMatchObject({ correlationId: "order-7", causationId: id });
});

test("[event.11] a run that another executes is in its correlation, caused by the start of that step", async () => {
  await using place = memoryScene();
  const child = defineWorkflow("child", (_inputs, ctx) => ctx.step("work", () => 1));
  const parent = defineWorkflow("parent", (_inputs, ctx) => ctx.execute(child));
  const app = await place.start({ workflows: [parent, child] });
  const run = await app.startRun(parent);
  await run.result();
  const [started] = (await app.getEvents({ runId: run.runId, type: "workflow.started" })).events as readonly [NexusEvent];
  expect(await causes(app, started.id)).toEqual([
    "workflow.started of parent ← nothing",
    "step.started execute:child#1 of parent ← workflow.started of parent",
    "workflow.started of child ← step.started execute:child#1 of parent",
    "step.started work of child ← workflow.started of child",
    "step.completed work of child ← workflow.started of child",
    "workflow.completed of child ← workflow.started of child",
    "step.completed execute:child#1 of parent ← workflow.started of parent",
    "workflow.completed of parent ← workflow.started of parent",
  ]);
});

describe.each(STORES)("on %s", (_name, open) => {
  test("[event.11] a run that is taken up goes on in its correlation, caused by its first claim", async () => {
    await using scene = await open();
    let blocked = true;
    const begun = Promise.withResolvers<void>();
    const workflow = defineWorkflow("w", async (_inputs, ctx) => {
      await ctx.emitEvent("begun", {});
      begun.resolve();
      if (blocked) await new Promise(() => {});
      await ctx.emitEvent("went-on", {});
    });
    const run = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
    await begun.promise;
    await scene.crash();
    blocked = false;
    const app = await scene.start({ workflows: [workflow] });
    await ended(app, run.runId);
    const started = (await app.getEvents({ runId: run.runId })).events[0] as NexusEvent;
    expect(await causes(app, started.id)).toEqual([
      "workflow.started of w ← nothing",
      "begun of w ← workflow.started of w",
      "workflow.resumed of w ← workflow.started of w",
      "went-on of w ← workflow.resumed of w",
      "workflow.completed of w ← workflow.resumed of w",
    ]);
  });
});
