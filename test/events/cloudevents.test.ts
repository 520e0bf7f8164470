import { CloudEvent } from "cloudevents";
import { defineWorkflow, type NexusEvent } from "nexus-event-system";
import { expect, test } from "vitest";
import { cloudEventOf } from "../../src/events/cloudevents.ts";
import { eventsOf, memoryScene } from "../workflows/scene.ts";

/** What the official SDK reads from it, which refuses what the specification does. */
function read(event: NexusEvent): Record<string, unknown> {
  const sent = JSON.parse(JSON.stringify(cloudEventOf(event))) as Record<string, unknown>;
  return JSON.parse(JSON.stringify(new CloudEvent(sent))) as Record<string, unknown>;
}

test("[event.9] every event of a run is a CloudEvent by the official SDK, with the whole envelope in attributes", async () => {
  await using place = memoryScene();
  const app = await place.start({ name: "shop.eu" });
  app.register(
    defineWorkflow("import", async (inputs, ctx) => {
      ctx.progress(10, "rows");
      await ctx.broadcastEvent("told", { type: "not the type", ...inputs });
      return ctx.step("save", () => [1, 2]);
    }),
  );
  const run = await app.startRun("import", { file: "ä.csv" }, { userId: "ann", sessionId: "s-1", metadata: { request_id: "r/1" } });
  await run.result();
  const events = await eventsOf(app, run.runId);
  expect(events.length).toBeGreaterThan(5);
  for (const event of events) {
    expect(read(event)).toEqual({
      specversion: "1.0",
      id: event.id,
      source: `/${event.source}`,
      type: event.type,
      time: new Date(event.timestamp).toISOString(),
      ...(event.type !== "told" && { subject: `runs/${run.runId}` }),
      datacontenttype: "application/json",
      sequence: String(event.sequence).padStart(16, "0"),
      cursor: event.cursor,
      channel: "app",
      sessionid: "s-1",
      userid: "ann",
      workflowname: "import",
      runid: run.runId,
      correlationid: event.correlationId,
      ...(event.causationId !== undefined && { causationid: event.causationId }),
      visibility: event.visibility,
      ...(event.broadcast && { broadcast: true }),
      ...(event.metadata && { metadata: '{"request_id":"r/1"}' }),
      data: event.data,
    });
  }
});

test("[event.9] metadata is a text that an attribute may be: JSON, without control characters and noncharacters", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const metadata = { "a\u0000\u0085": "line\n\u007f\ufffe\u{1fffe} 😀 ä" };
  await app.emitEvent("odd", null, { metadata });
  const [event] = (await app.getEvents({ type: "odd" })).events;
  const text = read(event as NexusEvent)["metadata"] as string;
  expect(text).not.toMatch(/[\p{Cc}]|\p{Noncharacter_Code_Point}/u);
  expect(JSON.parse(text)).toEqual(metadata);
});

test("[event.9] sequences sort as texts as they do as numbers", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await Promise.all(Array.from({ length: 120 }, (_, n) => app.emitEvent("n", { n })));
  const { events } = await app.getEvents({ limit: 1000 });
  const texts = (events as readonly NexusEvent[]).map((event) => cloudEventOf(event)["sequence"] as string);
  expect(texts).toEqual([...texts].sort());
  expect(texts.map(Number)).toEqual(events.map(({ sequence }) => sequence));
});
