import { defineWorkflow } from "nexus-event-system";
import { expect, test } from "vitest";
import { eventsOf, failure, memoryScene, seen } from "../workflows/scene.ts";

test("[event.11] without context the channel is app and the correlation the event's own id", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const { id } = await app.emitEvent("n", {});
  const event = await seen(app, "n");
  expect(event).toMatchObject({ channel: "app", correlationId: id });
  expect("causationId" in event).toBe(false);
});

test("[event.11] what is emitted inside a run inherits its run, session, user, workflow and correlation, and is caused by its start or its step's", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await app.emitEvent("in-main", {});
    await ctx.step("a", () => app.emitEvent("in-step", {}));
  });
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow, {}, { userId: "ann", sessionId: "s1" });
  await run.result();
  const events = await eventsOf(app, run.runId);
  const of = (type: string): (typeof events)[number] | undefined => events.find((event) => event.type === type);
  const inherited = {
    runId: run.runId,
    sessionId: "s1",
    userId: "ann",
    workflowName: "w",
    channel: "app",
    correlationId: of("workflow.started")?.correlationId,
  };
  expect(of("in-main")).toMatchObject({ ...inherited, causationId: of("workflow.started")?.id });
  expect(of("in-step")).toMatchObject({ ...inherited, causationId: of("step.started")?.id });
});

test("[event.11] what a handler emits inherits from the event it handles, and is caused by it", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => 1);
  const app = await place.start({ workflows: [workflow] });
  app.onWorkflowCompleted(() => app.emitEvent("followed", {}));
  const run = await app.startRun(workflow, {}, { userId: "ann" });
  await run.result();
  const followed = await seen(app, "followed");
  const completed = await seen(app, "workflow.completed");
  expect(followed).toMatchObject({ runId: run.runId, userId: "ann", causationId: completed.id, correlationId: completed.correlationId });
});

test("[event.11] two apps in one process do not inherit from each other", async () => {
  await using one = memoryScene();
  await using two = memoryScene();
  const other = await two.start();
  const workflow = defineWorkflow("w", async () => {
    await other.emitEvent("n", {});
  });
  const app = await one.start({ workflows: [workflow] });
  await app.execute(workflow, {}, { userId: "ann" });
  expect("runId" in (await seen(other, "n"))).toBe(false);
});

test("[event.11] the metadata of execute is the envelope's of the run's workflow.* events, and of no other", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await ctx.step("a", () => ctx.emitEvent("n", {}).then(() => {}));
    ctx.progress(50);
  });
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow, {}, { metadata: { order: 7 } });
  await run.result();
  const marked = (await eventsOf(app, run.runId)).filter(({ metadata }) => metadata?.["order"] === 7).map(({ type }) => type);
  expect(marked).toEqual(["workflow.started", "workflow.progress", "workflow.completed"]);
});

test("[event.10] the owner of a run's events is the run's; in process it is what the caller says", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", (_inputs, ctx) => ctx.step("a", () => ctx.userId ?? ""));
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow, {}, { userId: "ann" });
  expect(await run.result()).toBe("ann");
  expect(new Set((await eventsOf(app, run.runId)).map(({ userId }) => userId))).toEqual(new Set(["ann"]));
});

test("[event.10] registrations and broadcasts are public, runs and what has an owner the owner's, all else the operators'", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", (_inputs, ctx) => ctx.step("a", () => 1));
  const app = await place.start({ workflows: [workflow] });
  await app.execute(workflow);
  await app.emitEvent("owned", {}, { userId: "ann" });
  await app.emitEvent("nobodys", {});
  await app.broadcastEvent("loud", {}, { userId: "ann" });
  app.unregister("w");
  await app.settled();
  const { events } = await app.getEvents();
  const visible = new Map<string, Set<string>>();
  for (const { type, visibility } of events) visible.set(visibility, (visible.get(visibility) ?? new Set()).add(type));
  expect(Object.fromEntries([...visible].map(([who, types]) => [who, [...types]]))).toEqual({
    public: ["workflow.registered", "loud", "workflow.unregistered"],
    owner: ["workflow.started", "step.started", "step.completed", "workflow.completed", "owned"],
    operators: ["nobodys"],
  });
});

test("[event.10] the emitter may say otherwise", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("n", {}, { visibility: "public" });
  expect((await seen(app, "n")).visibility).toBe("public");
  expect(await failure(app.emitEvent("n", {}, { visibility: "everyone" as never }))).toBe("OPTION_INVALID");
});

test.each([
  ["a space", "a b"],
  ["a comma", "a,b"],
  ["nothing", ""],
  ["129 characters", "x".repeat(129)],
  ["a letter beyond ASCII", "ü"],
])("[log.3] an id with %s is refused, of an event, a user or a correlation", async (_what, id) => {
  await using place = memoryScene();
  const app = await place.start();
  const refused = [{ id }, { userId: id }, { correlationId: id }, { sessionId: id }].map((options) =>
    failure(app.emitEvent("n", {}, options)),
  );
  expect(new Set(await Promise.all(refused))).toEqual(new Set(["OPTION_INVALID"]));
});
