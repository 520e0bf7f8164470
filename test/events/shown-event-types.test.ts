import { defineEvent, defineWorkflow } from "nexus-event-system";
import { expect, test } from "vitest";
import { z } from "zod";
import { serve } from "../http/fixtures/site.ts";

const Paid = defineEvent("order.paid", { description: "paid", schema: z.object({ n: z.int(), currency: z.string().default("EUR") }) });

test("[event.4] GET /event-types shows the registered types by name, then the built-in ones, and the place that is true for", async () => {
  await using site = await serve({ events: [Paid, defineEvent("loose", { version: 3 })] });
  const { eventTypes, cursor, hasMore } = (await site.get("/event-types")).body;
  const own = eventTypes.filter((type: any) => type.builtIn !== true);
  expect(own).toEqual([
    { name: "loose", version: 3, schema: {} },
    {
      name: "order.paid",
      version: 1,
      description: "paid",
      schema: expect.objectContaining({ required: ["n"] }),
      recordedSchema: expect.objectContaining({ required: ["n", "currency"] }),
    },
  ]);
  expect(eventTypes.slice(2).map(({ name }: any) => name)).toEqual(expect.arrayContaining(["workflow.started", "event_type.registered"]));
  expect(eventTypes.find(({ name }: any) => name === "handler.failed")).toMatchObject({ builtIn: true, schema: { type: "object" } });
  expect([hasMore, cursor]).toEqual([false, (await site.get("/events")).body.cursor]);
});

test("[subscription.9] an answer's event types are those that were registered up to its cursor, and no others", async () => {
  await using site = await serve();
  const answers: any[] = [];
  let over = false;
  const registering = (async () => {
    for (let n = 0; n < 200; n++) {
      site.app.registerEventType(defineEvent(`t${n}`));
      if (n % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await site.app.emitEvent("end", {});
    over = true;
  })();
  while (!over) answers.push((await site.get("/event-types")).body);
  await registering;
  const { events } = await site.app.getEvents({ type: "event_type.registered", after: "earliest", limit: 1000 });
  for (const { eventTypes, cursor } of answers) {
    const sequence = Number(cursor.split(".")[1]);
    const names = events.filter((event) => event.sequence <= sequence).map((event: any) => event.data.name);
    expect(eventTypes.filter(({ builtIn }: any) => builtIn !== true).map(({ name }: any) => name)).toEqual(names.toSorted(inOrder));
  }
  expect(answers.length).toBeGreaterThan(2);
});

test("[event.4] GET /event-types/{name} is one type; of a name that is not there, 404 with names like it", async () => {
  await using site = await serve({ events: [Paid, defineEvent("constructor"), defineEvent("__proto__")] });
  expect((await site.get("/event-types/order.paid")).body).toMatchObject({ name: "order.paid", version: 1, cursor: expect.any(String) });
  for (const name of ["constructor", "__proto__"])
    expect((await site.get(`/event-types/${name}`)).body).toMatchObject({ name, schema: {} });
  expect(await site.get("/event-types/order.payd")).toMatchObject({
    status: 404,
    body: { code: "EVENT_TYPE_NOT_FOUND", eventType: "order.payd", similar: ["order.paid"] },
  });
  expect((await site.get("/event-types/toString")).status).toBe(404);
  expect((await site.post("/event-types", {})).status).toBe(405);
});

test("[event.3] what a built-in type's schema says is what is recorded: every field, and no other", async () => {
  const every = defineWorkflow(
    "every",
    { concurrency: 1, version: "2", retry: { attempts: 2, baseMs: 1, capMs: 1 } },
    async (inputs, ctx) => {
      ctx.progress(10, "first");
      await ctx.step("good", () => 1);
      await ctx.step("large", () => "x".repeat(40_000));
      await ctx.sleep(1);
      if (inputs["wait"] === true) await ctx.waitForEvent("never");
      await ctx.step("bad", () => {
        throw Object.assign(new Error("no"), { code: "E_NO" });
      });
    },
  );
  const happy = defineWorkflow("happy", { result: z.object({ n: z.int() }), inputs: z.object({}), description: "d" }, () => ({ n: 1 }));
  await using site = await serve({ workflows: [every, happy], events: [Paid] });
  const { app } = site;
  app.onEvent("fails", () => {
    throw new Error("in a handler");
  });
  await app.emitEvent("fails", {});
  await app.execute(happy);
  await app.execute(every).catch(() => {});
  const waiting = await app.startRun(every, { wait: true });
  const queued = await app.startRun(every);
  await queued.cancel("no more");
  await waiting.cancel();
  const session = await app.sessions.create({ data: { a: 1 } });
  await app.sessions.update(session.id, { a: 2 });
  await app.sessions.join(session.id, "cli");
  await app.sessions.end(session.id);
  app.unregister("happy");
  await app.settled();
  const shown = (await site.get("/event-types")).body.eventTypes.filter(({ builtIn }: any) => builtIn === true);
  const { key } = (await site.post("/keys", { userId: "operator", scopes: ["admin"] })).body;
  const operator = { authorization: `Bearer ${key}` };
  const { id, key: few } = (await site.post("/keys", { userId: "ann", scopes: ["events:read"], expiresInMs: 60_000 }, operator)).body;
  await site.get("/consumers", { authorization: `Bearer ${few}` });
  await site.get("/consumers");
  await site.post(`/keys/${id}/revoke`, {}, operator);
  await app.waitForEvent("access.denied", { match: { code: "UNAUTHENTICATED" }, after: "earliest" });
  await app.emitEvent("end", {});
  const { events } = await app.getEvents({ limit: 1000, after: "earliest" });
  const seen = new Set<string>();
  for (const event of events.filter(({ type }) => shown.some(({ name }: any) => name === type))) {
    seen.add(event.type);
    const { schema } = shown.find(({ name }: any) => name === event.type);
    const closed = z.fromJSONSchema({ ...schema, additionalProperties: false });
    expect([event.type, closed.safeParse(event.data).error?.issues]).toEqual([event.type, undefined]);
  }
  const consumers = shown.map(({ name }: any) => name).filter((name: string) => name.startsWith("consumer."));
  expect([...seen, ...consumers, "workflow.resumed"].toSorted(inOrder)).toEqual(shown.map(({ name }: any) => name).toSorted(inOrder));
});

function inOrder(a: string, b: string): number {
  return a < b ? -1 : 1;
}
