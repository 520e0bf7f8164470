import { defineWorkflow, type NexusEvent } from "nexus-event-system";
import { webhook } from "nexus-event-system/sinks";
import { expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { deliveryOf } from "../sinks/deliveries.ts";
import { receiver } from "../sinks/receiver.ts";
import { ended, seen } from "../workflows/scene.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;

test("[event.11] a request's traceparent is on all that it leads to: runs, steps, what handlers emit and start, runs within runs", async () => {
  const child = defineWorkflow("child", (_inputs, ctx) => ctx.emitEvent("inner", {}).then(() => 1));
  const second = defineWorkflow("second", () => 2);
  const first = defineWorkflow("first", async (_inputs, ctx) => {
    await ctx.step("pay", () => ctx.emitEvent("paid", {}).then(() => 1));
    await ctx.execute(child);
  });
  await using site = await serve({ workflows: [first, second, child] });
  const { app } = site;
  app.onEvent("paid", () => app.emitEvent("noted", {}));
  app.onEvent("noted", () => app.startRun(second));
  await site.post("/workflows/first/execute", { inputs: {} }, { traceparent: TRACEPARENT });
  await ended(app, (await app.waitForEvent("workflow.started", { workflow: "second", after: "earliest" }))?.runId as string);
  const { events } = await app.getEvents({ channel: "api", limit: 1000 });
  expect(new Set(events.map(({ workflowName }) => workflowName))).toEqual(new Set(["first", "second", "child"]));
  expect(new Set(events.map(({ traceparent }) => traceparent))).toEqual(new Set([TRACEPARENT]));
});

test.each([
  ["version 00", TRACEPARENT, TRACEPARENT],
  ["not sampled", `00-${TRACE}-${SPAN}-00`, `00-${TRACE}-${SPAN}-00`],
  ["a later version, as this one writes it", `cc-${TRACE}-${SPAN}-09`, `00-${TRACE}-${SPAN}-01`],
  ["a later version that says more", `cc-${TRACE}-${SPAN}-01-what-the-future-holds`, TRACEPARENT],
  ["a later version that goes on without a dash", `cc-${TRACE}-${SPAN}-01.what`, undefined],
  ["version 00 that says more", `${TRACEPARENT}-more`, undefined],
  ["version ff", `ff-${TRACE}-${SPAN}-01`, undefined],
  ["no trace", `00-${"0".repeat(32)}-${SPAN}-01`, undefined],
  ["no parent", `00-${TRACE}-${"0".repeat(16)}-01`, undefined],
  ["upper case", TRACEPARENT.toUpperCase(), undefined],
  ["too short", `00-${TRACE}-${SPAN}`, undefined],
  ["too long an id", `00-${TRACE}0-${SPAN}-01`, undefined],
  ["two of them", `${TRACEPARENT}, ${TRACEPARENT}`, undefined],
  ["nothing like it", "\u00e4", undefined],
  ["nothing", "", undefined],
])("[event.11] a traceparent is taken as the W3C says: %s", async (_what, header, recorded) => {
  await using site = await serve();
  expect((await site.post("/events", { type: "n", data: {} }, { traceparent: header })).status).toBe(201);
  const event: NexusEvent = await seen(site.app, "n");
  expect(event.traceparent).toBe(recorded);
  expect("traceparent" in event).toBe(recorded !== undefined);
});

test("[event.11] a webhook carries the traceparent of its event on, as a header and in its body", async () => {
  await using site = await serve();
  await using server = await receiver();
  await site.post("/events", { type: "n", data: {} }, { traceparent: TRACEPARENT });
  await site.post("/events", { type: "untraced", data: {} });
  const sink = webhook({ url: server.url, secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}`, allowLoopback: true });
  for (const event of [await seen(site.app, "n"), await seen(site.app, "untraced")]) await sink.deliver(event, deliveryOf(event));
  expect(server.received.map(({ headers, body }) => [headers["traceparent"], JSON.parse(body).traceparent])).toEqual([
    [TRACEPARENT, TRACEPARENT],
    [undefined, undefined],
  ]);
  await sink.close?.();
});
