// What the declarations promise, held by the compiler: `npx tsc -p .`. Every `@ts-expect-error` is a mistake a user makes.
import { createServer } from "node:http";
import { type } from "arktype";
import {
  type BuiltInData,
  type BuiltInType,
  defineEvent,
  defineWorkflow,
  EventRouter,
  FatalError,
  type JsonObject,
  jsonSchema,
  memoryStore,
  Nexus,
  NexusError,
  type NexusEvent,
  WorkflowBuilder,
  type WorkflowCompleted,
} from "nexus-event-system";
import { createClient } from "nexus-event-system/client";
import { on } from "nexus-event-system/decorators";
import { acceptWebSockets, toNodeHandler } from "nexus-event-system/node";
import { email, runTable, slack, webhook } from "nexus-event-system/sinks";
import { testApp } from "nexus-event-system/testing";
import * as v from "valibot";
import { z } from "zod";
import * as shop from "./definitions.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};
declare const metrics: { record(name: string, value: number): void };
declare const db: object;

// ── Definitions ────────────────────────────────────────────────────────────────────────────────
const DataProcessed = defineEvent("DATA_PROCESSED", {
  description: "Data processing completed",
  schema: { records_processed: "integer", duration: "float", errors: "array", note: "string?" },
});
const OrderPaid = defineEvent("order.paid", { schema: z.object({ orderId: z.int(), currency: z.string().default("EUR") }) });
const OrderSent = defineEvent("order.sent", { schema: v.object({ orderId: v.number() }) });
const Ark = defineEvent("ark", { schema: type({ n: "number" }) });
const Raw = defineEvent("raw", { schema: jsonSchema<{ a: 1 | 2 }>({ type: "object" }) });
const Loose = defineEvent("loose");
const late = defineEvent("LATE", { schema: { n: "integer" } });

interface Row {
  id: number;
  email?: string;
}
declare function fetchRows(file: string, signal: AbortSignal): Promise<Row[]>;
const importOrders = defineWorkflow(
  "import-orders",
  { description: "Import orders", inputs: z.object({ file: z.string(), limit: z.int().default(100) }), retry: { attempts: 5 } },
  async (inputs, ctx) => {
    same<typeof inputs, { file: string; limit: number }>(true);
    const rows = await ctx.step("load", ({ signal }) => fetchRows(inputs.file, signal));
    same<typeof rows, Row[]>(true);
    await ctx.step("save", { retry: { attempts: 2 }, timeoutMs: 5_000 }, async () => {
      if (!rows.length) throw new FatalError("empty file");
    });
    await ctx.progress(50, "saved");
    await ctx.emitEvent(DataProcessed, { records_processed: rows.length, duration: 1.5, errors: [] });
    await ctx.broadcastEvent("PROGRESS_UPDATE", { percentage: 100 });
    await ctx.sleep(1_000);
    const paid = await ctx.waitForEvent(OrderPaid, { match: { orderId: 7 }, timeoutMs: 60_000 });
    same<typeof paid, NexusEvent<"order.paid", { orderId: number; currency: string }> | undefined>(true);
    // @ts-expect-error a Date would come back from the log as a string
    await ctx.step("bad", () => ({ at: new Date() }));
    // @ts-expect-error a definition's payload is checked
    await ctx.emitEvent(OrderPaid, { orderId: "7" });
    const greeting = await ctx.execute(hello);
    same<typeof greeting, string>(true);
    return { rows: rows.length, currency: paid?.data.currency ?? null };
  },
);
const report = defineWorkflow("report", { inputs: z.object({ month: z.string() }), result: z.object({ total: z.number() }) }, () => ({
  total: 1,
}));
const hello = defineWorkflow("hello", () => "hello");
// @ts-expect-error the result must fit its schema
defineWorkflow("wrong", { inputs: z.object({}), result: z.object({ total: z.number() }) }, () => ({ total: "1" }));
defineWorkflow("dates", { inputs: z.object({ at: z.iso.datetime().pipe(z.coerce.date()) }) }, (inputs) => inputs.at.getTime());
// @ts-expect-error inputs arrive as JSON, so a schema cannot ask for a Date
defineWorkflow("dates", { inputs: z.object({ at: z.date() }) }, () => 1);
// @ts-expect-error a result that is not JSON
defineWorkflow("map", () => new Map([[1, 2]]));
// @ts-expect-error reserved prefix
defineEvent("workflow.mine");
// @ts-expect-error a schema whose output is not JSON
defineEvent("dated", { schema: z.object({ at: z.date() }) });

// ── The app knows names ────────────────────────────────────────────────────────────────────────
const app = new Nexus({
  name: "shop",
  events: [DataProcessed, OrderPaid, OrderSent, Ark, Raw, Loose],
  workflows: [importOrders, report, hello],
});
const asModule = new Nexus({ events: shop, workflows: shop }); // one module with events, workflows, a class, a function and a constant
asModule.execute("ship", { parcelId: "p" });
asModule.execute("refund");
// @ts-expect-error a function of the module is not a workflow
asModule.execute("helper");
asModule.onEvent("parcel.*", (event) => {
  if (event.type === "parcel.sent") event.data.weightGrams.toFixed();
});
const strict = new Nexus({ events: [OrderPaid], eventTypes: "strict" });
const bare = new Nexus();
const takesAny = (app: Nexus) => app.getEvents();
takesAny(app);
takesAny(bare);
takesAny(strict);
takesAny(asModule);
const plugin = (app: Nexus) => {
  app.execute("x", { a: 1 });
  app.emitEvent("x", {});
  app.onEvent("order.paid", (event) => {
    event.sequence.toFixed();
    return event.data;
  });
  app.onWorkflowCompleted((event) => event.durationMs);
  void app.getEvents().then(({ events }) => events[0]?.sequence);
};
plugin(app);
const cleanup = defineWorkflow("cleanup", { timeoutMs: 1_000 }, async (inputs, ctx) => {
  same<typeof inputs, JsonObject>(true);
  await ctx.sleep(1);
});
const typed = defineWorkflow("typed", { result: z.object({ kind: z.enum(["a", "b"]), tags: z.array(z.string()) }) }, async () => ({
  kind: "a",
  tags: ["x"],
}));
async function run0() {
  return [await bare.execute(cleanup), await bare.execute(typed)] as const;
}
same<Awaited<ReturnType<typeof run0>>, readonly [void, { kind: "a" | "b"; tags: string[] }]>(true);

// run: by value, by name, result inferred, inputs optional only where they may be
same<Awaited<ReturnType<typeof run1>>, { rows: number; currency: string | null }>(true);
async function run1() {
  return app.execute(importOrders, { file: "a.csv" });
}
async function run2() {
  return app.execute("import-orders", { file: "a.csv", limit: 5 }, { sessionId: undefined, idempotencyKey: "k" });
}
same<Awaited<ReturnType<typeof run2>>, { rows: number; currency: string | null }>(true);
async function run3() {
  return [await app.execute(hello), await app.execute("report", { month: "2026-11" }), await bare.execute("anything", { a: 1 })] as const;
}
same<Awaited<ReturnType<typeof run3>>, readonly [string, { total: number }, unknown]>(true);
// @ts-expect-error inputs are required
app.execute(importOrders);
// @ts-expect-error wrong inputs
app.execute("import-orders", { file: 1 });
// @ts-expect-error a name this app does not know
app.execute("import-ordrs", { file: "a.csv" });

// emit: by value, by name, undeclared name
app.emitEvent(OrderPaid, { orderId: 1 });
app.emitEvent("order.paid", { orderId: 1, currency: "USD" }, { sessionId: undefined });
app.emitEvent("CUSTOM_EVENT", { type: "notification", message: "Important update" });
app.emitEvent(Ark, { n: 1 });
app.emitEvent(Raw, { a: 2 });
app.emitEvent(Loose, { anything: true });
interface Shape {
  a: number;
}
declare const shape: Shape;
app.emitEvent("SHAPE", shape);
// @ts-expect-error wrong payload by value
app.emitEvent(OrderPaid, { orderId: "1" });
// @ts-expect-error wrong payload by name
app.emitEvent("order.paid", { orderID: 1 });
// @ts-expect-error wrong payload by shorthand
app.emitEvent("DATA_PROCESSED", { records_processed: 1000, duration: 5.2 });
// @ts-expect-error built-in events are recorded by Nexus
app.emitEvent("workflow.started", { inputs: {} });
strict.emitEvent("order.paid", { orderId: 1 });
// @ts-expect-error strict: not declared
strict.emitEvent("order.payed", { orderId: 1 });

// the flat fields of built-in events never hide the envelope's
same<Extract<{ [T in BuiltInType]: keyof BuiltInData[T] }[BuiltInType], keyof NexusEvent>, never>(true);

// handlers
const off: () => void = app.onWorkflowStarted((event) => {
  same<typeof event.inputs, JsonObject>(true);
  event.workflowName.at(0);
  event.runId.at(0);
});
app.onWorkflowCompleted({ workflow: importOrders }, (event, { signal }) => {
  same<typeof event.result, { rows: number; currency: string | null }>(true);
  same<typeof event.data.result, typeof event.result>(true);
  same<typeof event.inputs, { file: string; limit?: number | undefined }>(true);
  same<typeof event.workflowName, "import-orders">(true);
  return fetch("https://example.com", { signal });
});
app.onWorkflowCompleted({ workflow: "report", channel: ["api", "mcp"] }, (event) => {
  same<typeof event.result, { total: number }>(true);
});
app.onWorkflowCompleted({ workflow: [importOrders, "report"] }, (event) => {
  if (event.workflowName === "report") same<typeof event.result, { total: number }>(true);
});
app.onWorkflowCompleted((event) => {
  if (event.durationMs > 60_000) metrics.record(event.workflowName, event.durationMs);
});
app.onWorkflowFailed((event) => console.log(event.error.message, event.traceback));
app.onSessionEnded((event) => console.log(event.sessionId, event.durationMs, event.workflowCount));
// @ts-expect-error `duration` is `durationMs`
app.onWorkflowCompleted((event) => event.duration);
// @ts-expect-error no such channel
app.onWorkflowStarted({ channel: "http" }, () => {});
// @ts-expect-error a name this app does not know
app.onWorkflowStarted({ workflow: "import-ordrs" }, () => {});
app.onEvent("workflow.*", (event) => {
  same<
    typeof event.type,
    | "workflow.queued"
    | "workflow.started"
    | "workflow.progress"
    | "workflow.completed"
    | "workflow.failed"
    | "workflow.cancelled"
    | "workflow.resumed"
    | "workflow.registered"
    | "workflow.unregistered"
  >(true);
  if (event.type === "workflow.completed") event.durationMs.toFixed();
  // @ts-expect-error not on every one of the union
  event.durationMs;
});
app.onEvent(["workflow.completed", "workflow.failed"], (event) => event.durationMs);
app.onEvent(["workflow.completed", OrderPaid], (event) => (event.type === "order.paid" ? event.data.orderId : event.durationMs));
app.onEvent(OrderPaid, (event) => {
  same<typeof event.data, { orderId: number; currency: string }>(true);
});
app.onEvent("DATA_PROCESSED", (event) => {
  same<typeof event.data.records_processed, number>(true);
  same<typeof event.data.note, string | undefined>(true);
});
app.onEvent("order.*", { signal: AbortSignal.timeout(1) }, (event) => {
  if (event.type === "order.paid") same<typeof event.data, { orderId: number; currency: string }>(true);
  else if (event.type === "order.sent") same<typeof event.data, { orderId: number }>(true);
  else same<typeof event.data, unknown>(true);
});
app.onEvent("NEVER_DECLARED", (event) => {
  same<typeof event.data, unknown>(true);
});
strict.onEvent("*", (event) => {
  if (event.type === "order.paid") same<typeof event.data, { orderId: number; currency: string }>(true);
});
function notify(event: WorkflowCompleted<typeof importOrders>) {
  return event.result.rows;
}
app.onWorkflowCompleted({ workflow: importOrders }, notify);
app.onWorkflowCompleted((event: WorkflowCompleted) => event.result);

// reading
async function reading() {
  const page = await app.getEvents({ type: OrderPaid, sessionId: "s", limit: 10 });
  same<(typeof page.events)[number], NexusEvent<"order.paid", { orderId: number; currency: string }>>(true);
  const all = await app.getEvents();
  for (const event of all.events) {
    if (event.type === "workflow.failed") event.error.message.at(0);
    else if (event.type === "order.sent") event.data.orderId.toFixed();
    if (OrderPaid.is(event)) event.data.currency.at(0);
  }
  for await (const event of app.subscribe({ type: ["workflow.completed", "workflow.failed"], workflow: importOrders, after: page.cursor }))
    if (event.type === "workflow.completed") {
      same<typeof event.result.rows, number>(true);
      break;
    }
  for await (const event of app.subscribe({ type: "order.*" })) if (event.type === "order.paid") event.data.currency.at(0);
  await using live = app.subscribe();
  await live.ready;
  const done = await app.waitForEvent(OrderPaid, { match: { orderId: 1 }, timeoutMs: 30_000 });
  same<typeof done, NexusEvent<"order.paid", { orderId: number; currency: string }> | undefined>(true);
  const run = await app.startRun(importOrders, { file: "a.csv" });
  for await (const event of run.events()) if (event.type === "workflow.completed") same<typeof event.result.rows, number>(true);
  same<Awaited<ReturnType<typeof run.result>>, { rows: number; currency: string | null }>(true);
  const byName = await app.startRun("report", { month: "1" });
  same<Awaited<ReturnType<typeof byName.result>>, { total: number }>(true);
}

// consumers and sinks
app.consumer("billing", { type: OrderPaid, from: "earliest" }, async (event, { attempt, idempotencyKey }) => {
  event.data.orderId.toFixed();
  attempt.toFixed();
  idempotencyKey.at(0);
});
app.consumer("runs", { type: ["workflow.completed", "workflow.failed"], workflow: importOrders }, (event) => {
  if (event.type === "workflow.completed") same<typeof event.result.rows, number>(true);
});
app.consumer(
  "slack",
  { type: "workflow.completed", workflow: importOrders },
  slack({
    url: "https://hooks.slack.com/x",
    message: (event) => {
      same<typeof event.result.rows, number>(true);
      return `${event.workflowName} took ${event.durationMs} ms`;
    },
  }),
);
app.consumer(
  "mail",
  { type: "workflow.failed" },
  email({
    smtp: "smtp://localhost",
    from: "nexus@example.com",
    to: "admin@example.com",
    subject: (event) => `Workflow failure: ${event.workflowName}`,
  }),
);
app.consumer("hooks", { type: "workflow.*" }, webhook({ url: "https://example.com/hook", secret: "whsec_x" }));
app.consumer("log", { type: ["workflow.started", "workflow.completed", "workflow.failed"] }, runTable({ db, table: "workflow_logs" }));
app.consumer(
  "by type alone",
  { type: "workflow.completed" },
  slack({ url: "https://hooks.slack.com/x", message: (event) => `${event.workflowName} took ${event.durationMs} ms` }),
);
app.consumer("everything", {}, (event) => event.sequence);
app.consumer("any workflow", { type: "workflow.completed", workflow: undefined }, (event) => {
  same<typeof event.result, unknown>(true);
});
// @ts-expect-error a misspelt option
app.consumer("typo", { type: OrderPaid, chanel: "api" }, () => {});
// @ts-expect-error a sink for one event type does not take another
app.consumer("no", { type: "workflow.failed" }, { name: "x", deliver: (event: WorkflowCompleted) => event.result });

// schedules, builder, errors
async function rest() {
  app.schedule("nightly", { workflow: importOrders, cron: "0 3 * * *", timeZone: "Europe/Berlin", inputs: { file: "nightly.csv" } });
  app.schedule("minutely", { workflow: "hello", everyMs: 60_000 });
  // @ts-expect-error scheduled inputs are checked
  app.schedule("monthly", { workflow: "report", everyMs: 60_000, inputs: { month: 1 } });
  // @ts-expect-error inputs are required
  app.schedule("monthly", { workflow: report, cron: "0 0 1 * *" });
  const session = await app.sessions.create({ userId: "ann", data: { theme: "dark" } });
  await app.sessions.update(session.id, (data) => ({ visits: Number(data["visits"] ?? 0) + 1 }));
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "long_process", {
      run: async (_inputs, ctx) => {
        await ctx.broadcastEvent("PROGRESS_UPDATE", { percentage: 10 });
        return { completed: true, steps: 10 };
      },
    })
    .build();
  const monitored = app.register("monitored-process", graph);
  app.onWorkflowCompleted({ workflow: monitored }, (event) => event.result);
  const Late = app.registerEventType("LATE", { schema: { n: "integer" } });
  app.onEvent(Late, (event) => event.data.n.toFixed());
  same<typeof Late, typeof late>(true);
  const again = app.registerEventType(OrderPaid);
  same<typeof again, typeof OrderPaid>(true);
  // @ts-expect-error reserved prefix
  app.registerEventType("session.mine", { schema: { n: "integer" } });
  // @ts-expect-error a schema whose output is not JSON
  app.registerEventType("dated", { schema: z.object({ at: z.date() }) });
  // @ts-expect-error no such field type
  app.registerEventType("wrong", { schema: { n: "int" } });
  const router = new EventRouter();
  router.register("workflow_completed", (event) => event);
  try {
    await app.execute(hello);
  } catch (error) {
    if (NexusError.is(error, "CURSOR_EXPIRED")) error.details.earliest.at(0);
    else if (NexusError.is(error) && error.code === "WORKFLOW_FAILED") error.retryable;
  }
}

// the far side: types from `typeof app` alone
const client = createClient<typeof app>({ url: "http://127.0.0.1:8000" });
async function far() {
  same<Awaited<ReturnType<typeof go>>, { rows: number; currency: string | null }>(true);
  async function go() {
    return client.execute("import-orders", { file: "a.csv" });
  }
  // @ts-expect-error a name the app does not know
  client.execute("import-ordrs", {});
  for await (const event of client.subscribe({ type: "order.*" })) if (event.type === "order.paid") event.data.currency.at(0);
  const untyped = createClient({ url: "http://x" });
  await untyped.execute("anything", { a: 1 });
  await untyped.emitEvent("x", {});
}

// mounting
const nexus = app.handler({ basePath: "/nexus" });

export { nexus as GET, nexus as POST };

const server = createServer(toNodeHandler(app.fetch));
acceptWebSockets(server, app, { basePath: "/nexus" });
async function tests() {
  await using t = await testApp((setup) => new Nexus({ ...setup, events: [OrderPaid], workflows: [importOrders] }));
  const running = t.app.execute("import-orders", { file: "a.csv" });
  await t.clock.advance(1_000);
  await t.app.emitEvent("order.paid", { orderId: 7 });
  same<Awaited<typeof running>, { rows: number; currency: string | null }>(true);
  const again = await t.crash();
  await again.execute(importOrders, { file: "b" });
}
class Audit {
  @on(app, "workflow.completed", { channel: "api" }) completed(event: WorkflowCompleted) {
    return event.result;
  }
}
class Wrong {
  // @ts-expect-error the method takes another event
  @on(app, "workflow.failed") failed(event: WorkflowCompleted) {
    return event.result;
  }
}
void [Audit, Wrong, off, run0, run3, reading, rest, far, tests, server, nexus, memoryStore];
