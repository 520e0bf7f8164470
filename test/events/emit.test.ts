import { defineWorkflow, type NexusEvent } from "nexus-event-system";
import { expect, test } from "vitest";
import { eventsOf, failure, memoryScene, seen } from "../workflows/scene.ts";

const RESERVED = ["workflow", "step", "session", "event_type", "handler", "consumer", "access", "key", "schedule", "log", "nexus"];

test("[event.1] a payload with the names of the envelope changes nothing in the envelope", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const data = { type: "notification", id: "x", session_id: "s", sessionId: "s", sequence: 99, channel: "cli", userId: "eve", data: 1 };
  const receipt = await app.broadcastEvent("CUSTOM_EVENT", data);
  const { events } = await app.getEvents({ type: "CUSTOM_EVENT" });
  expect(JSON.parse(JSON.stringify(events))).toEqual([
    {
      ...receipt,
      type: "CUSTOM_EVENT",
      channel: "app",
      source: expect.stringMatching(/^nexus\/[0-9a-f]{12}$/),
      correlationId: receipt.id,
      visibility: "public",
      broadcast: true,
      data,
    },
  ]);
});

test.each(RESERVED.flatMap((prefix) => [`${prefix}.mine`, `${prefix.toUpperCase()}.mine`]))(
  "[event.2] %s cannot be emitted by hand",
  async (type) => {
    await using place = memoryScene();
    const app = await place.start();
    expect(await failure(app.emitEvent(type, {} as never))).toBe("EVENT_TYPE_INVALID");
    expect((await app.getEvents()).events).toEqual([]);
  },
);

test.each(["workflows.mine", "stepper", "my.workflow.started"])("[event.2] %s is no reserved type", async (type) => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent(type, {});
  expect((await seen(app, type)).type).toBe(type);
});

test("[event.3] events of built-in types also answer to the fields of their data", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", { retry: { attempts: 1 } }, (inputs, ctx) => {
    ctx.progress(30, "third");
    if (inputs["fail"] === true) throw new Error("no");
    return { ok: true };
  });
  const app = await place.start({ workflows: [workflow] });
  await app.execute(workflow, { n: 1 });
  await failure(app.execute(workflow, { fail: true }));
  const { events } = await app.getEvents();
  const of = (type: string): any => events.find((event) => event.type === type);
  expect([of("workflow.started").inputs, of("workflow.completed").result]).toEqual([{ n: 1 }, { ok: true }]);
  expect([of("workflow.progress").percentage, of("workflow.progress").step]).toEqual([30, "third"]);
  expect(of("workflow.completed").durationMs).toBe(of("workflow.completed").data.durationMs);
  expect([of("workflow.failed").error.message, of("workflow.failed").attempt]).toEqual(["no", 1]);
});

test("[event.3] the JSON of an event is exactly its interface, and its own properties are those of its JSON", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => ({ ok: true }));
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow, { n: 1 }, { metadata: { m: 1 }, userId: "ann" });
  await run.result();
  const completed = (await eventsOf(app, run.runId)).at(-1) as NexusEvent<string, any>;
  const fields = ["id", "sequence", "cursor", "timestamp", "type", "channel", "source", "userId", "workflowName", "runId"];
  fields.push("correlationId", "causationId", "visibility", "data", "metadata");
  expect(Object.keys(JSON.parse(JSON.stringify(completed))).sort()).toEqual(fields.sort());
  expect(Object.keys(completed).sort()).toEqual(fields.sort());
});

test("[event.3] a registration's metadata is the envelope's", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", { metadata: { team: "data" }, tags: ["nightly"], description: "d", version: "3" }, () => 1);
  const app = await place.start({ workflows: [workflow] });
  expect(await seen(app, "workflow.registered")).toMatchObject({
    workflowName: "w",
    metadata: { team: "data" },
    data: { description: "d", tags: ["nightly"], version: "3", inputSchema: {} },
  });
});

test("[event.6] emitEvent resolves to the id, place, cursor and time of what is recorded", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const receipt = await app.emitEvent("n", {});
  const { id, sequence, cursor, timestamp } = await seen(app, "n");
  expect(receipt).toEqual({ id, sequence, cursor, timestamp });
});

test("[event.6] broadcastEvent also marks the event broadcast and public", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("quiet", {});
  await app.broadcastEvent("loud", {});
  const { events } = await app.getEvents();
  expect(events.map(({ type, broadcast, visibility }) => [type, broadcast, visibility])).toEqual([
    ["quiet", undefined, "operators"],
    ["loud", true, "public"],
  ]);
});

test("[event.6] a filter takes a broadcast like any event, includes every broadcast, or takes only those", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("a", {});
  await app.broadcastEvent("a", {});
  await app.broadcastEvent("b", {});
  const sequences = async (broadcast?: "include" | "only"): Promise<readonly number[]> =>
    (await app.getEvents({ type: "a", broadcast })).events.map(({ sequence }) => sequence);
  expect([await sequences(), await sequences("include"), await sequences("only")]).toEqual([[1, 2], [1, 2, 3], [2]]);
});

test("[log.3] the same id again gives the first receipt; with other content it is EVENT_ID_CONFLICT", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const first = await app.emitEvent("n", { a: 1, b: 2 }, { id: "mine" });
  expect(await app.emitEvent("n", { b: 2, a: 1 }, { id: "mine" })).toEqual(first);
  expect(await failure(app.emitEvent("n", { a: 2 }, { id: "mine" }))).toBe("EVENT_ID_CONFLICT");
});

test("[event.6] what is recorded is the payload as it was at the call, in the order of calls", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const payload = { n: 0 };
  const emitted = [];
  for (let n = 0; n < 3; n++) {
    payload.n = n;
    emitted.push(app.emitEvent("n", payload));
  }
  app.register(defineWorkflow("w", () => 1));
  await Promise.all(emitted);
  const { events } = await app.getEvents();
  expect(events.map(({ type, data }) => (type === "n" ? (data as { n: number }).n : type))).toEqual([0, 1, 2, "workflow.registered"]);
});
