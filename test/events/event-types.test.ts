import { type } from "arktype";
import { defineEvent, defineWorkflow, jsonSchema, Nexus, type NexusEvent, sqliteStore } from "nexus-event-system";
import * as v from "valibot";
import { expect, test } from "vitest";
import { z } from "zod";
import { failure, memoryScene, quiet, STORES, seen } from "../workflows/scene.ts";

/** The same shape in every way that schemas are written. */
const WAYS: readonly (readonly [name: string, schema: any])[] = [
  ["Zod", z.object({ orderId: z.int(), address: z.object({ city: z.string() }) })],
  ["Valibot", v.object({ orderId: v.pipe(v.number(), v.integer()), address: v.object({ city: v.string() }) })],
  ["ArkType", type({ orderId: "number.integer", address: { city: "string" } })],
  [
    "JSON Schema",
    jsonSchema({
      type: "object",
      properties: {
        orderId: { type: "integer" },
        address: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
      },
      required: ["orderId", "address"],
    }),
  ],
];

test.each(WAYS)("[event.4] %s: data that does not fit is refused with every fault's path, and nothing is recorded", async (_, schema) => {
  await using place = memoryScene();
  const app = await place.start();
  app.registerEventType("order.paid", { schema } as never);
  const refused: any = await app.emitEvent("order.paid", { orderId: 7.5, address: { city: 1 } }).catch((error: unknown) => error);
  expect(refused.code).toBe("EVENT_INVALID");
  expect(refused.details.faults.map(({ path }: any) => path).sort()).toEqual(["address.city", "orderId"]);
  expect((await app.getEvents({ type: "order.*" })).events).toEqual([]);
  await app.emitEvent("order.paid", { orderId: 7, address: { city: "Kiel" } });
  expect((await seen(app, "order.paid")).data).toEqual({ orderId: 7, address: { city: "Kiel" } });
});

test("[event.4] shorthand: each field has its type, ? may be absent, further fields are allowed, and every fault is told", async () => {
  await using place = memoryScene();
  const schema = {
    s: "string",
    i: "integer",
    f: "float",
    n: "number",
    b: "boolean",
    a: "array",
    o: "object",
    x: "any",
    opt: "string?",
  } as const;
  const app = await place.start({ events: [defineEvent("all", { schema })] });
  const good = { s: "", i: 1, f: 1.5, n: 2, b: false, a: [], o: {}, x: null, more: 1 };
  await app.emitEvent("all", good);
  expect((await seen(app, "all")).data).toEqual(good);
  await expect(app.emitEvent("all", { s: 1, i: 1.5, f: "1", b: 0, a: {}, o: [], opt: 1 })).rejects.toMatchObject({
    details: { faults: ["s", "i", "f", "n", "b", "a", "o", "x", "opt"].map((path) => ({ path })) },
  });
});

test("[event.4] recorded is the schema's output: defaults are filled in, what is converted is what it became", async () => {
  await using place = memoryScene();
  const schema = z.object({ orderId: z.coerce.number(), currency: z.string().default("EUR") });
  const app = await place.start();
  const Paid = app.registerEventType("order.paid", { schema });
  await app.emitEvent(Paid, { orderId: "7" });
  expect((await seen(app, "order.paid")).data).toEqual({ orderId: 7, currency: "EUR" });
});

test("[event.4] a schema whose own code throws refuses the data, and harms nobody at registration", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.registerEventType("parsed", {
    schema: v.pipe(
      v.string(),
      v.transform((text) => JSON.parse(text) as { n: number }),
    ),
  });
  await expect(app.emitEvent("parsed", "{")).rejects.toMatchObject({ code: "EVENT_INVALID", details: { faults: [{ path: "" }] } });
  await app.emitEvent("parsed", '{"n":1}');
  expect((await seen(app, "parsed")).data).toEqual({ n: 1 });
});

test("[event.4] a schema's output that is not JSON is refused, and so is data that grew too large in the schema", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.registerEventType("dated", { schema: z.object({ at: z.coerce.date() }) } as never);
  app.registerEventType("grown", { schema: z.string().transform((text) => text.repeat(300_000)) });
  expect(await failure(app.emitEvent("dated", { at: "2026-11-23" }))).toBe("EVENT_INVALID");
  expect(await failure(app.emitEvent("grown", "x"))).toBe("EVENT_TOO_LARGE");
  expect((await app.getEvents({ type: ["dated", "grown"] })).events).toEqual([]);
});

test.each([
  ["an asynchronous schema", { schema: z.object({}).refine(async () => true) }, "SCHEMA_INVALID"],
  [
    "an asynchronous schema that fails",
    {
      schema: v.pipeAsync(
        v.any(),
        v.checkAsync(() => Promise.reject(new Error("no"))),
      ),
    },
    "SCHEMA_INVALID",
  ],
  ["no schema", { schema: "string" }, "SCHEMA_INVALID"],
  ["an unknown field type", { schema: { n: "int" } }, "SCHEMA_INVALID"],
  ["a JSON Schema too large to keep", { schema: jsonSchema({ description: "x".repeat(300_000) }) }, "SCHEMA_INVALID"],
  ["a version that is no whole number", { schema: {}, version: 1.5 }, "EVENT_TYPE_INVALID"],
  ["a misspelt option", { shema: {} }, "OPTION_INVALID"],
  ["a description that is no text", { schema: {}, description: 7 }, "OPTION_INVALID"],
])("[event.4] %s is refused at registration, at once, and nothing is registered", async (_, options, code) => {
  await using place = memoryScene();
  const app = await place.start({ eventTypes: "strict" });
  const register = async (): Promise<unknown> => app.registerEventType("t", options as never);
  expect(await failure(register())).toBe(code);
  expect(await failure(app.emitEvent("t", {}))).toBe("EVENT_TYPE_INVALID");
  expect((await app.getEvents()).events).toEqual([]);
});

test("[event.4] a schema that turns out to be asynchronous only with some data refuses that, and nothing is recorded", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const schema = z.object({ name: z.string().refine(async () => true) });
  app.registerEventType("t", { schema });
  expect(await failure(app.emitEvent("t", { name: "x" }))).toBe("SCHEMA_INVALID");
  expect((await app.getEvents({ type: "t" })).events).toEqual([]);
});

test.each(["workflow.mine", "KEY.x", "", "with space", "ü", "x".repeat(129)])("[event.2] %j cannot be registered", async (name) => {
  await using place = memoryScene();
  const app = await place.start();
  expect(() => app.registerEventType(name as never, { schema: {} })).toThrow(expect.objectContaining({ code: "EVENT_TYPE_INVALID" }));
});

test("[event.4] what only looks like a definition is refused: nothing would check its events", async () => {
  const copy = { ...defineEvent("t", { schema: { n: "integer" } }) };
  expect(() => new Nexus({ events: [copy] })).toThrow(expect.objectContaining({ code: "EVENT_TYPE_INVALID" }));
});

test("[app.1] [event.10] registrations are recorded in call order, public, before and after opening, and again at each start", async () => {
  await using place = memoryScene();
  const A = defineEvent("a", { schema: { n: "integer" } });
  const start = async (): Promise<void> => {
    const app = await place.start({ events: [A], workflows: [defineWorkflow("w", () => 1)] });
    app.registerEventType(defineEvent("b", { version: 3 }));
    app.register(defineWorkflow("x", () => 1));
    app.registerEventType("c", { schema: v.object({}) });
  };
  await start();
  await start();
  const app = await place.start();
  const { events } = (await app.getEvents()) as { events: readonly NexusEvent<string, any>[] };
  const once = [
    [
      "event_type.registered",
      { name: "a", version: 1, schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } },
    ],
    ["workflow.registered", "w"],
    ["event_type.registered", { name: "b", version: 3 }],
    ["workflow.registered", "x"],
    ["event_type.registered", { name: "c", version: 1 }],
  ];
  expect(events.map(({ type, data, workflowName }) => [type, workflowName ?? data])).toEqual([...once, ...once]);
  expect(new Set(events.map(({ visibility, channel, userId }) => `${visibility} ${channel} ${userId}`))).toEqual(
    new Set(["public app undefined"]),
  );
});

test("[event.4] a registration that changes nothing is no second one; a higher version takes the place of the lower", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const schema = { n: "integer" } as const;
  app.registerEventType("t", { schema });
  app.registerEventType("t", { schema: { ...schema } });
  app.registerEventType("t", { schema: { n: "string" }, version: 2 });
  await app.emitEvent("t", { n: "one" });
  expect(await failure(app.emitEvent("t", { n: 1 }))).toBe("EVENT_INVALID");
  const { events } = await app.getEvents({ type: "event_type.registered" });
  expect(events.map(({ version }: any) => version ?? 0)).toHaveLength(2);
});

test("[event.4] within a process, another schema needs a higher version, and no version is taken back", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.registerEventType("t", { schema: { n: "integer" }, version: 2 });
  const refused = expect.objectContaining({ code: "EVENT_TYPE_EXISTS", details: { type: "t", version: 2 } });
  expect(() => app.registerEventType("t", { schema: { n: "string" }, version: 2 })).toThrow(refused);
  expect(() => app.registerEventType("t", { schema: { n: "integer" }, version: 1 })).toThrow(refused);
  expect(await failure(app.emitEvent("t", { n: "one" }))).toBe("EVENT_INVALID");
  const A = defineEvent("a", { schema: { n: "integer" } });
  const B = defineEvent("a", { schema: { n: "string" } });
  expect(() => new Nexus({ events: [A, B] })).toThrow(expect.objectContaining({ code: "EVENT_TYPE_EXISTS" }));
});

test("[event.4] a schema's words in another order are the same schema; what its library does not tell counts as the same", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.registerEventType("j", { schema: jsonSchema({ type: "object", properties: { a: {}, b: {} } }) });
  app.registerEventType("j", { schema: jsonSchema({ properties: { b: {}, a: {} }, type: "object" }) });
  app.registerEventType("v", { schema: v.object({ n: v.number() }) });
  app.registerEventType("v", { schema: v.object({ n: v.string() }) });
  await app.emitEvent("v", { n: "the newest decides" });
});

test("[event.4] a default or a conversion that changes what is recorded is another schema", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.registerEventType("t", { schema: z.string() });
  const converted = z.string().transform(Number).pipe(z.number());
  expect(() => app.registerEventType("t", { schema: converted })).toThrow(expect.objectContaining({ code: "EVENT_TYPE_EXISTS" }));
});

test.each(STORES)(
  "[event.4] on %s, another schema needs a higher version than any process before; then the app does not open",
  async (_, open) => {
    await using place = await open();
    const [v1, other, v2] = [
      defineEvent("t", { schema: { n: "integer" } }),
      defineEvent("t", { schema: { n: "string" } }),
      defineEvent("t", { schema: { n: "string" }, version: 2 }),
    ];
    await place.start({ events: [v1] });
    expect(await failure(place.start({ events: [other] }))).toBe("EVENT_TYPE_EXISTS");
    await place.start({ events: [v1] });
    await place.start({ events: [v2] });
    const app = await place.start();
    expect(() => app.registerEventType(other)).toThrow(expect.objectContaining({ code: "EVENT_TYPE_EXISTS" }));
    expect((await app.getEvents({ type: "event_type.registered" })).events.map(({ data }: any) => data.version)).toEqual([1, 1, 2]);
  },
);

test.each(STORES)(
  "[event.4] on %s, code that was rolled back comes with its older version, and the highest stays known",
  async (_, open) => {
    await using place = await open();
    const of = (version: number, field: "integer" | "string" | "boolean") => defineEvent("t", { schema: { n: field }, version });
    await place.start({ events: [of(1, "integer")] });
    const later = await place.start();
    later.registerEventType(of(2, "string"));
    await later.emitEvent("t", { n: "kept by now" });
    const app = await place.start({ events: [of(1, "integer")] });
    await app.emitEvent("t", { n: 1 });
    expect(await failure(place.start({ events: [of(1, "boolean")] }))).toBe("EVENT_TYPE_EXISTS");
    expect(await failure(place.start({ events: [of(2, "boolean")] }))).toBe("EVENT_TYPE_EXISTS");
    expect(await failure(place.start({ events: [of(3, "boolean")] }))).toBe("NO_ERROR");
  },
);

test("[event.4] an app that did not open for its event types holds nothing: with a higher version it opens", async () => {
  await using place = await (STORES[1] as (typeof STORES)[number])[1]();
  const first = await place.start({ events: [defineEvent("t", { schema: { n: "integer" } })] });
  const file = (await first.getEvents()).events.length;
  expect(file).toBe(1);
  expect(await failure(place.start({ events: [defineEvent("t", { schema: { n: "string" } })] }))).toBe("EVENT_TYPE_EXISTS");
  const app = await place.start({ events: [defineEvent("t", { schema: { n: "string" }, version: 2 })] });
  await app.emitEvent("t", { n: "x" });
});

test("[event.4] strict: only registered types are taken, by name as by definition, and a like name is told", async () => {
  await using place = memoryScene();
  const Paid = defineEvent("order.paid", { schema: { n: "integer" } });
  const emits = defineWorkflow("emits", { retry: { attempts: 1 } }, (_, ctx) => ctx.step("emit", () => ctx.emitEvent("order.sent", {})));
  const app = await place.start({ events: [Paid], workflows: [emits], eventTypes: "strict" });
  await app.emitEvent("order.paid", { n: 1 });
  await expect(app.emitEvent("order.payed" as never, {} as never)).rejects.toMatchObject({
    code: "EVENT_TYPE_INVALID",
    message: expect.stringContaining("did you mean order.paid?"),
  });
  expect(await failure(app.emitEvent(defineEvent("order.sent"), {}))).toBe("EVENT_TYPE_INVALID");
  expect(await failure(app.execute(emits))).toBe("EVENT_TYPE_INVALID");
  app.registerEventType(defineEvent("order.sent"));
  await app.execute(emits);
});

test("[event.4] a type that is not registered takes anything, unless a definition of its own is given", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("free", [1, "two", null]);
  expect(await failure(app.emitEvent(defineEvent("free", { schema: { n: "integer" } }), { n: "x" } as never))).toBe("EVENT_INVALID");
});

test("[event.4] once a type is registered its schema checks every event, also one emitted by an older definition", async () => {
  await using place = memoryScene();
  const Old = defineEvent("t", { schema: { n: "integer" } });
  const app = await place.start({ events: [Old] });
  app.registerEventType("t", { schema: { n: "string" }, version: 2 });
  expect(await failure(app.emitEvent(Old, { n: 1 }))).toBe("EVENT_INVALID");
});

test("[event.5] a definition tells its events from others, and stands for its name wherever a type is named", async () => {
  await using place = memoryScene();
  const Paid = defineEvent("order.paid", { schema: { n: "integer" } });
  const app = await place.start({ events: [Paid] });
  const handled: number[] = [];
  app.onEvent(Paid, ({ data }) => void handled.push(data.n));
  await app.emitEvent("order.sent", {});
  await app.emitEvent(Paid, { n: 7 });
  await app.settled();
  const { events } = await app.getEvents({ type: Paid });
  const all = (await app.getEvents({ type: "order.*" })).events;
  expect([handled, events.map(({ data }) => data.n), all.map((event) => Paid.is(event))]).toEqual([[7], [7], [false, true]]);
  expect((await app.waitForEvent(Paid, { after: "earliest", match: { n: 7 } }))?.data.n).toBe(7);
});

test("[app.3] a stopped app registers no event type", async () => {
  const app = new Nexus({ logger: quiet, store: sqliteStore(":memory:") });
  await app.stop();
  expect(() => app.registerEventType(defineEvent("t"))).toThrow(expect.objectContaining({ code: "APP_STOPPED" }));
});
