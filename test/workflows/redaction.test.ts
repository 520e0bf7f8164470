import { defineWorkflow, Nexus, NexusError, type NexusOptions } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { heldStore } from "./held-store.ts";
import { ended, eventsOf, failure, memoryScene, quiet, STORES } from "./scene.ts";

const SECRET = "4111-secret";
const OUT = "[redacted]";
const redact = ["inputs.card", "inputs.cards.*.number", "metadata.token", "result.key", "error.message"];

/** Keeps secrets in a small and in a large result of a step, then waits for `go`; its result says what its code saw. */
const pay = defineWorkflow("pay", async (inputs, ctx) => {
  const small = await ctx.step("small", () => ({ key: SECRET, n: 1 }));
  const large = await ctx.step("large", () => ({ key: SECRET.repeat(30_000), filler: "x".repeat(50_000) }));
  const tried = await ctx
    .step("fails", { retry: { attempts: 2, baseMs: 0 } }, () => {
      throw Object.assign(new Error(`no ${SECRET}`), { code: "REFUSED" });
    })
    .catch((error: unknown) => error as Error & { readonly code: string });
  await ctx.waitForEvent("go");
  return {
    key: SECRET,
    saw: Object.entries({
      inputs: JSON.stringify(inputs) === JSON.stringify(GIVEN) && inputs === ctx.inputs,
      metadata: ctx.metadata?.["token"] === SECRET,
      small: small.key === SECRET,
      large: large.key === SECRET.repeat(30_000) && large.filler.length === 50_000,
      error: (tried as { readonly code?: string }).code === "REFUSED",
    })
      .filter(([, right]) => right)
      .map(([what]) => what),
  };
});
const GIVEN = { card: SECRET, cards: [{ number: SECRET, type: "debit" }, { number: 17 }], amount: 5 };
const METADATA = { token: SECRET, from: "shop" };
const SEEN = ["inputs", "metadata", "small", "large", "error"];

describe.each(STORES)("on %s", (_name, open) => {
  test("[event.8] secrets are taken out of all that is recorded, and the run's code has them, also after a crash", async () => {
    await using scene = await open();
    const options: Omit<NexusOptions, "store"> = { workflows: [pay], redact };
    const app = await scene.start(options);
    const { runId } = await app.startRun("pay", GIVEN, { metadata: METADATA });
    for await (const { data } of app.subscribe({ runId, type: "step.started", after: "earliest" })) if (data.step === "wait:go#1") break;
    const next = await scene.start(options);
    await next.emitEvent("go", {});
    const end = await ended(next, runId);
    expect(end.data).toMatchObject({
      inputs: { card: OUT, cards: [{ number: OUT, type: "debit" }, { number: OUT }], amount: 5 },
      result: { key: OUT, saw: SEEN },
    });
    expect(end.metadata).toEqual({ token: OUT, from: "shop" });
    const events = await eventsOf(next, runId);
    expect(JSON.stringify(events)).not.toContain(SECRET);
    expect(events.find(({ type }) => type === "step.failed")?.data.error).toMatchObject({ message: OUT, stack: OUT, code: "REFUSED" });
    expect(JSON.stringify(await next.runs.get(runId))).not.toContain(SECRET);
  });
});

test("[event.8] what is taken out is durable before the event that lacks it, and gone when the run has ended", async () => {
  const order: string[] = [];
  const held = heldStore(({ log, state, ...rest }) => ({
    ...rest,
    log: {
      ...log,
      append: async (event, options) => {
        order.push(event.type);
        return await log.append(event, options);
      },
    },
    state: {
      ...state,
      put: async (key, value, options) => {
        const revision = await state.put(key, value, options);
        if (key.startsWith("secrets/")) order.push("kept");
        return revision;
      },
    },
  }));
  const charge = defineWorkflow("charge", async (_inputs, ctx) => {
    await ctx.step("small", () => ({ key: SECRET }));
  });
  const app = new Nexus({ workflows: [charge], logger: quiet, store: held.store, redact });
  await app.execute("charge", GIVEN);
  expect(order.filter((each) => each !== "workflow.registered")).toEqual([
    "kept",
    "workflow.started",
    "step.started",
    "kept",
    "step.completed",
    "workflow.completed",
  ]);
  await app.settled();
  await expect.poll(async () => (await held.state.list("secrets/")).entries).toEqual([]);
  await app.stop();
});

test("[event.8] without redaction, and of runs that have nothing to take out, nothing is written", async () => {
  for (const paths of [undefined, redact]) {
    let written = 0;
    const held = heldStore(({ state, ...rest }) => ({
      ...rest,
      state: {
        ...state,
        put: async (key, value, options) => {
          if (!key.startsWith("open")) written += 1;
          return await state.put(key, value, options);
        },
      },
    }));
    await using app = new Nexus({ workflows: [hello], logger: quiet, store: held.store, redact: paths });
    await app.execute("hello", { amount: 5 }, { idempotencyKey: "k" });
    expect(written).toBe(0);
  }
});
const hello = defineWorkflow("hello", (inputs) => inputs);

test("[event.8] a run that is cancelled or fails loses its secrets, also one that no code here executes", async () => {
  const held = heldStore();
  const first = new Nexus({ workflows: [pay], logger: quiet, store: held.store, redact });
  const { runId } = await first.startRun("pay", GIVEN);
  await first.stop({ deadlineMs: 0 });
  // The code is gone, and so is the option: what was kept is kept until the run ends.
  const second = new Nexus({ logger: quiet, store: held.store });
  await second.start({ listen: false });
  expect((await held.state.list(`secrets/${runId}/`)).entries.length).toBeGreaterThan(0);
  await second.runs.cancel(runId);
  await expect.poll(async () => (await held.state.list("secrets/")).entries).toEqual([]);
  await second.stop();

  const failing = defineWorkflow("failing", () => {
    throw new Error("no");
  });
  await using third = new Nexus({ workflows: [failing], logger: quiet, store: held.store, redact });
  expect(await failure(third.execute("failing", GIVEN))).toBe(OUT);
  await expect.poll(async () => (await held.state.list("secrets/")).entries).toEqual([]);
});

test("[event.8] what a crash left between a run's end and the deletion goes at the next opening", async () => {
  let away = true;
  const held = heldStore(({ state, ...rest }) => ({
    ...rest,
    state: {
      ...state,
      delete: async (key, options) => {
        if (away && key.startsWith("secrets/")) throw new NexusError("STORE_UNAVAILABLE", { store: "memory" });
        await state.delete(key, options);
      },
    },
  }));
  const first = new Nexus({ workflows: [hello], logger: quiet, store: held.store, redact });
  await first.execute("hello", GIVEN);
  await first.stop({ deadlineMs: 0 });
  away = false;
  await using second = new Nexus({ workflows: [hello], logger: quiet, store: held.store, redact });
  await second.open();
  await expect.poll(async () => (await held.state.list("secrets/")).entries).toEqual([]);
});

test("[event.8] a run within a run gets its inputs as they are; its result is answered as it is recorded", async () => {
  const inner = defineWorkflow("inner", (inputs) => ({ right: inputs["card"] === SECRET, key: SECRET }));
  const outer = defineWorkflow("outer", async (inputs, ctx) => await ctx.execute(inner, { card: inputs["card"] as string }));
  await using scene = memoryScene();
  const app = await scene.start({ workflows: [inner, outer], redact });
  expect(await app.execute("outer", GIVEN)).toEqual({ right: true, key: OUT });
  expect(JSON.stringify((await app.getEvents({ after: "earliest", limit: 1000 })).events)).not.toContain(SECRET);
});

test("[event.8] [run.4] a key tells other secrets from the same ones, without recording them", async () => {
  await using scene = memoryScene();
  const app = await scene.start({ workflows: [hello], redact });
  const KEY = { idempotencyKey: "k" };
  const { runId } = await app.startRun("hello", GIVEN, KEY);
  expect((await app.startRun("hello", { ...GIVEN }, KEY)).runId).toBe(runId);
  expect(await failure(app.execute("hello", { ...GIVEN, card: "4111-other" }, KEY))).toBe("IDEMPOTENCY_CONFLICT");
  await app.settled();
  expect((await app.startRun("hello", GIVEN, KEY)).runId).toBe(runId);
  const [other] = await eventsOf(app, (await app.startRun("hello", GIVEN, { idempotencyKey: "k2" })).runId);
  const [first] = await eventsOf(app, runId);
  expect(first?.data.fingerprint).toEqual(expect.any(String));
  expect(other?.data.fingerprint).not.toBe(first?.data.fingerprint);
});

test.each([
  [["inputs.a.*"], { a: { x: 1, y: [2] }, b: { a: 3 } }, { a: { x: OUT, y: OUT }, b: { a: 3 } }],
  [["inputs.*"], { a: { x: 1 }, b: null }, { a: OUT, b: OUT }],
  [
    ["inputs.*.pin"],
    { a: { pin: "x", n: 1 }, b: "no object", c: [{ pin: "x" }] },
    { a: { pin: OUT, n: 1 }, b: "no object", c: [{ pin: "x" }] },
  ],
  [["inputs.list.1"], { list: [1, 2, 3] }, { list: [1, OUT, 3] }],
  [["inputs.absent", "result"], { a: 1 }, { a: 1 }],
  [["inputs.__proto__.x"], JSON.parse('{"__proto__":{"x":1}}'), JSON.parse(`{"__proto__":{"x":"${OUT}"}}`)],
  [(path: string) => path === "inputs.a.0", { a: [1, 2], b: 3 }, { a: [OUT, 2], b: 3 }],
  [(_path: string, value: unknown) => typeof value === "string", { a: ["x", 2], b: "y" }, { a: [OUT, 2], b: OUT }],
  [
    () => {
      throw new Error("cannot tell");
    },
    { a: 1 },
    { a: OUT },
  ],
])("[event.8] by %j the inputs %j are recorded as %j, and run as given", async (paths, inputs, recorded) => {
  await using scene = memoryScene();
  let given: unknown;
  const looks = defineWorkflow("looks", (of) => {
    given = of;
  });
  const app = await scene.start({ workflows: [looks], redact: paths as never });
  const { runId, ...run } = await app.startRun("looks", inputs);
  await run.result();
  const [first] = await eventsOf(app, runId);
  expect(JSON.stringify(first?.data.inputs)).toBe(JSON.stringify(recorded));
  expect(JSON.stringify(given)).toBe(JSON.stringify(inputs));
});

test.each(["card", "input.card", "inputs", "metadata", "error", "inputs.", "inputs..x", "", 7])(
  "[event.8] %j is no path to redact",
  (path) => {
    expect(() => new Nexus({ redact: [path as string] })).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  },
);
