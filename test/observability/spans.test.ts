import { SpanStatusCode, trace } from "@opentelemetry/api";
import { defineWorkflow, type NexusEvent } from "nexus-event-system";
import { afterEach, beforeEach, expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { ended, eventsOf, failure, memoryScene, STORES, seen } from "../workflows/scene.ts";
import { type EndedSpan, registerTracing } from "./tracer.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";

let tracing: ReturnType<typeof registerTracing>;
beforeEach(() => {
  tracing = registerTracing();
});
afterEach(() => tracing.unregister());

const named = (name: string): EndedSpan => {
  const found = tracing.ended.filter((span) => span.name === name);
  expect(found).toHaveLength(1);
  return found[0] as EndedSpan;
};
const spanOf = (event: Pick<NexusEvent, "traceparent"> | undefined): string | undefined => event?.traceparent?.split("-")[2];

test("[event.11] where the process has tracing, a run and each try of a step is a span, child of what led to it, and events name the span they were recorded in", async () => {
  let tries = 0;
  const workflow = defineWorkflow("w", { retry: { attempts: 2, baseMs: 1, capMs: 1 } }, async (_inputs, ctx) => {
    await ctx.emitEvent("between", {});
    await ctx.step("pay", async () => {
      await ctx.emitEvent("inside", {});
      if (++tries === 1) throw new Error("not yet");
    });
  });
  await using site = await serve({ workflows: [workflow] });
  const answer = await site.post("/workflows/w/execute", { inputs: {} }, { traceparent: `00-${TRACE}-${CALLER}-01` });
  const run = named("workflow w");
  const [first, second] = tracing.ended.filter(({ name }) => name === "step pay") as [EndedSpan, EndedSpan];
  expect([run, first, second].map(({ traceId, parent }) => [traceId, parent])).toEqual([
    [TRACE, CALLER],
    [TRACE, run.spanId],
    [TRACE, run.spanId],
  ]);
  expect([run, first, second].map(({ status }) => status)).toEqual([
    { code: SpanStatusCode.UNSET },
    { code: SpanStatusCode.ERROR, message: "not yet" },
    { code: SpanStatusCode.UNSET },
  ]);
  expect(run.attributes).toEqual({ "nexus.run_id": answer.body.runId, "nexus.workflow": "w", "nexus.attempt": 1 });
  expect(second.attributes).toEqual({ "nexus.run_id": answer.body.runId, "nexus.step": "pay", "nexus.attempt": 2 });
  const events = await eventsOf(site.app, answer.body.runId);
  expect(events.map((event) => [event.type, spanOf(event)])).toEqual([
    ["workflow.started", CALLER],
    ["between", run.spanId],
    ["step.started", run.spanId],
    ["inside", first.spanId],
    ["step.retrying", run.spanId],
    ["step.started", run.spanId],
    ["inside", second.spanId],
    ["step.completed", run.spanId],
    ["workflow.completed", run.spanId],
  ]);
});

test("[event.11] spans of a run's own code are its children, and so is what is emitted in them", async () => {
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await ctx.step("pay", () =>
      trace.getTracer("user").startActiveSpan("by hand", async (span) => {
        await ctx.emitEvent("inside", {});
        span.end();
      }),
    );
  });
  await using place = memoryScene();
  const app = await place.start({ workflows: [workflow] });
  await app.execute(workflow);
  expect(named("by hand").parent).toBe(named("step pay").spanId);
  expect(spanOf(await seen(app, "inside"))).toBe(named("by hand").spanId);
});

test("[event.11] a call within a span of the caller's is part of its trace", async () => {
  const workflow = defineWorkflow("w", () => 1);
  await using place = memoryScene();
  const app = await place.start({ workflows: [workflow] });
  await trace.getTracer("user").startActiveSpan("caller", async (span) => {
    await app.emitEvent("told", {});
    await app.execute(workflow);
    span.end();
  });
  expect(spanOf(await seen(app, "told"))).toBe(named("caller").spanId);
  expect(named("workflow w").parent).toBe(named("caller").spanId);
});

test("[event.11] in a handler the trace of its event is active, whatever was active where that handler was registered or is read for", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const heard = Promise.withResolvers<(string | undefined)[]>();
  const active: (string | undefined)[] = [];
  const tracer = trace.getTracer("user");
  await tracer.startActiveSpan("registering", async (span) => {
    app.onEvent("told", () => {
      if (active.push(trace.getActiveSpan()?.spanContext().spanId) === 2) heard.resolve(active);
    });
    await app.emitEvent("other", {});
    span.end();
  });
  await tracer.startActiveSpan("emitting", async (span) => {
    await app.emitEvent("told", {});
    span.end();
  });
  await app.emitEvent("told", {});
  expect(await heard.promise).toEqual([named("emitting").spanId, undefined]);
});

test("[event.11] the same in a consumer", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const active = Promise.withResolvers<string | undefined>();
  app.consumer("c", { type: "told" }, () => active.resolve(trace.getActiveSpan()?.spanContext().spanId));
  await trace.getTracer("user").startActiveSpan("emitting", async (span) => {
    await app.emitEvent("told", {});
    span.end();
  });
  expect(await active.promise).toBe(named("emitting").spanId);
});

test("[event.11] the span of a run that fails says why", async () => {
  const workflow = defineWorkflow("w", () => {
    throw new Error("no");
  });
  await using place = memoryScene();
  const app = await place.start({ workflows: [workflow] });
  expect(await failure(app.execute(workflow))).toBe("no");
  expect(named("workflow w").status).toEqual({ code: SpanStatusCode.ERROR, message: "no" });
});

test.each(STORES)("[event.11] on %s a run that is taken up is another span of the trace it began in", async (_name, open) => {
  await using scene = await open();
  const begun = Promise.withResolvers<void>();
  let blocked = true;
  const workflow = defineWorkflow("w", async () => {
    begun.resolve();
    if (blocked) await new Promise(() => {});
  });
  const before = await scene.start({ workflows: [workflow] });
  const run = await trace.getTracer("user").startActiveSpan("caller", async (span) => {
    const started = await before.startRun(workflow);
    span.end();
    return started;
  });
  await begun.promise;
  await scene.crash();
  blocked = false;
  await ended(await scene.start({ workflows: [workflow] }), run.runId);
  const spans = tracing.ended.filter(({ name }) => name === "workflow w");
  expect(spans.map(({ parent, attributes }) => [parent, attributes["nexus.attempt"]])).toEqual([
    [named("caller").spanId, 1],
    [named("caller").spanId, 2],
  ]);
});
