import { defineWorkflow, Nexus, NexusError } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { heldStore } from "./held-store.ts";
import { ended, eventsOf, failure, memoryScene, quiet, STORES, seen } from "./scene.ts";

const KEY = { idempotencyKey: "order-17" };
const echo = defineWorkflow("echo", (inputs) => ({ echo: inputs }));
const broken = defineWorkflow("broken", () => {
  throw Object.assign(new Error("no disk"), { code: "ENOSPC" });
});
/** Goes on when an event `go` comes. */
const waiting = defineWorkflow("waiting", async (inputs, ctx) => {
  const go = await ctx.waitForEvent("go");
  return { went: go?.data ?? null, inputs };
});
const WORKFLOWS = [echo, broken, waiting];

async function firstEvents(app: Nexus): Promise<number> {
  const { events } = await app.getEvents({ type: ["workflow.queued", "workflow.started"], after: "earliest" });
  return events.length;
}

describe.each(STORES)("on %s", (_name, open) => {
  test("[run.4] who comes second with a key finds the run: the same id, cursor and result, and nothing runs twice", async () => {
    await using scene = await open();
    const app = await scene.start({ workflows: WORKFLOWS });
    await app.emitEvent("noise", {});
    const first = await app.startRun("waiting", { n: 1 }, KEY);
    const second = await app.startRun(waiting, { n: 1 }, KEY);
    expect([second.runId, second.cursor]).toEqual([first.runId, first.cursor]);
    const results = [first.result(), second.result()];
    await app.emitEvent("go", 7);
    expect(await Promise.all(results)).toEqual([
      { went: 7, inputs: { n: 1 } },
      { went: 7, inputs: { n: 1 } },
    ]);
    const third = await app.startRun("waiting", { n: 1 }, KEY);
    expect([third.runId, third.cursor, await third.result()]).toEqual([first.runId, first.cursor, { went: 7, inputs: { n: 1 } }]);
    expect(await firstEvents(app)).toBe(1);
  });

  test("[run.4] callers that race for a key, before any of them is recorded, have one run", async () => {
    await using scene = await open();
    const app = await scene.start({ workflows: WORKFLOWS });
    const calls = Array.from({ length: 20 }, () => app.startRun("echo", { a: 1, b: [2] }, KEY));
    const runs = await Promise.all(calls);
    expect(new Set(runs.map(({ runId }) => runId)).size).toBe(1);
    expect(new Set(await Promise.all(runs.map(async (run) => JSON.stringify(await run.result())))).size).toBe(1);
    expect(await firstEvents(app)).toBe(1);
  });

  test("[run.4] after a crash the key finds the run that goes on, and its end when it has ended", async () => {
    await using scene = await open();
    const { runId, cursor } = await (await scene.start({ workflows: WORKFLOWS })).startRun("waiting", { n: 1 }, KEY);
    const app = await scene.start({ workflows: WORKFLOWS });
    const again = await app.startRun("waiting", { n: 1 }, KEY);
    expect([again.runId, again.cursor]).toEqual([runId, cursor]);
    await app.emitEvent("go", 1);
    expect(await again.result()).toEqual({ went: 1, inputs: { n: 1 } });
    const last = await scene.start({ workflows: WORKFLOWS });
    expect(await last.execute("waiting", { n: 1 }, KEY)).toEqual({ went: 1, inputs: { n: 1 } });
    expect(await firstEvents(last)).toBe(1);
  });

  test("[run.4] a queued run is found by its key, also after a crash, and also when the queue is full", async () => {
    const one = defineWorkflow("one", { concurrency: 1, queueLimit: 1 }, async (_inputs, ctx) => {
      await ctx.step("first", ({ signal }) => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())));
    });
    await using scene = await open();
    const app = await scene.start({ workflows: [one] });
    await app.startRun("one");
    const queued = await app.startRun("one", { n: 2 }, KEY);
    expect(await failure(app.startRun("one", { n: 3 }))).toBe("OVERLOADED");
    expect((await app.startRun("one", { n: 2 }, KEY)).runId).toBe(queued.runId);
    const next = await scene.start({ workflows: [one] });
    expect((await next.startRun("one", { n: 2 }, KEY)).runId).toBe(queued.runId);
    expect((await next.runs.get(queued.runId)).status).toBe("queued");
  });

  test("[run.4] a run that failed or was cancelled answers its key with the same end", async () => {
    await using scene = await open();
    const app = await scene.start({ workflows: WORKFLOWS });
    const errorOf = async (call: Promise<unknown>): Promise<NexusError> => (await call.catch((error: unknown) => error)) as NexusError;
    const failed = await errorOf(app.execute("broken", {}, KEY));
    expect(failed.code).toBe("WORKFLOW_FAILED");
    expect((await errorOf(app.execute("broken", {}, KEY))).details).toEqual(failed.details);
    const run = await app.startRun("waiting", {}, KEY);
    await run.cancel("enough");
    const next = await scene.start({ workflows: WORKFLOWS });
    expect((await errorOf(next.execute("broken", {}, KEY))).details).toEqual(failed.details);
    expect((await errorOf(next.execute("waiting", {}, KEY))).details).toEqual({ runId: run.runId, reason: "enough", cursor: run.cursor });
    expect(await firstEvents(next)).toBe(2);
  });
});

test("[run.4] other inputs under a key are IDEMPOTENCY_CONFLICT; the order of their fields is nothing", async () => {
  await using scene = memoryScene();
  const app = await scene.start({ workflows: WORKFLOWS });
  const { runId } = await app.startRun("echo", { a: 1, b: { c: 2, d: 3 } }, KEY);
  expect((await app.startRun("echo", { b: { d: 3, c: 2, e: undefined }, a: 1 } as never, KEY)).runId).toBe(runId);
  const refused = await app.execute("echo", { a: 1 }, KEY).catch((error: unknown) => error);
  expect(NexusError.is(refused, "IDEMPOTENCY_CONFLICT") && refused.details).toEqual({ runId });
  expect(await failure(app.execute("echo", { a: 1, b: { c: 2, d: 4 } }, KEY))).toBe("IDEMPOTENCY_CONFLICT");
  expect(await firstEvents(app)).toBe(1);
});

test("[run.4] a key is one caller's and one workflow's, and without a key nothing is deduplicated", async () => {
  await using scene = memoryScene();
  const app = await scene.start({ workflows: WORKFLOWS });
  const runs = [
    await app.startRun("echo", {}, KEY),
    await app.startRun("echo", {}, { ...KEY, userId: "ann" }),
    await app.startRun("echo", {}, { ...KEY, userId: "bob" }),
    await app.startRun("waiting", {}, KEY),
    await app.startRun("echo", {}, { idempotencyKey: "order-18" }),
    await app.startRun("echo", {}),
    await app.startRun("echo", {}),
  ];
  expect(new Set(runs.map(({ runId }) => runId)).size).toBe(runs.length);
});

test("[run.4] a run that another process recorded under the key is found, also when it was recorded in between", async () => {
  const other = new Nexus({ workflows: WORKFLOWS, logger: quiet, store: heldStore().store });
  const { runId } = await other.startRun("echo", { n: 1 }, KEY);
  const [first] = await eventsOf(other, runId);
  await other.stop();

  // Just before this process records the run, the other one does.
  let meanwhile = async (): Promise<void> => {};
  const held = heldStore(({ log, ...rest }) => ({
    ...rest,
    log: {
      ...log,
      append: async (event, options) => {
        if (event.type === "workflow.started") await meanwhile();
        return await log.append(event, options);
      },
    },
  }));
  await using app = new Nexus({ workflows: WORKFLOWS, logger: quiet, store: held.store });
  await app.start({ listen: false });
  meanwhile = async () => {
    meanwhile = async () => {};
    const { sequence: _sequence, timestamp: _timestamp, cursor: _cursor, ...event } = JSON.parse(JSON.stringify(first));
    await held.log.append({ ...event, source: "other/process" });
  };
  const run = await app.startRun("echo", { n: 1 }, KEY);
  expect(run.runId).toBe(runId);
  expect(await run.result()).toEqual({ echo: { n: 1 } });
  expect(await firstEvents(app)).toBe(1);
});

test("[run.4] a run whose recording was never answered is found by its key when the call is repeated, and goes on", async () => {
  let answered = false;
  const held = heldStore(({ log, ...rest }) => ({
    ...rest,
    log: {
      ...log,
      append: async (event, options) => {
        const position = await log.append(event, options);
        if (event.type !== "workflow.started" || answered) return position;
        answered = true;
        throw new NexusError("STORE_UNAVAILABLE", { store: "memory" });
      },
    },
  }));
  await using app = new Nexus({ workflows: WORKFLOWS, logger: quiet, store: held.store });
  await app.start({ listen: false });
  expect(await failure(app.execute("echo", { n: 1 }, KEY))).toBe("STORE_UNAVAILABLE");
  expect(await app.execute("echo", { n: 1 }, KEY)).toEqual({ echo: { n: 1 } });
  expect(await firstEvents(app)).toBe(1);
});

test("[run.4] a run that the log has forgotten runs anew; one whose beginning alone is forgotten answers with its end", async () => {
  const held = heldStore();
  await using app = new Nexus({ workflows: WORKFLOWS, logger: quiet, store: held.store });
  await app.start({ listen: false });
  expect(await app.execute("echo", { n: 1 }, KEY)).toEqual({ echo: { n: 1 } });
  const first = (await app.getEvents({ type: "workflow.started" })).events[0];
  await held.log.trim(first?.sequence ?? 0);
  expect(await app.execute("echo", { n: 1 }, KEY)).toEqual({ echo: { n: 1 } });
  expect(await failure(app.execute("echo", { n: 2 }, KEY))).toBe("IDEMPOTENCY_CONFLICT");
  expect(await firstEvents(app)).toBe(0);
  await held.log.trim((await held.log.head()).sequence);
  expect(await app.execute("echo", { n: 2 }, KEY)).toEqual({ echo: { n: 2 } });
  expect(await firstEvents(app)).toBe(1);
});

test("[run.4] the run that is found can be followed and cancelled by whoever found it", async () => {
  await using scene = memoryScene();
  const app = await scene.start({ workflows: WORKFLOWS });
  const { runId } = await app.startRun("waiting", {}, KEY);
  const found = await app.startRun("waiting", {}, { ...KEY, signal: AbortSignal.timeout(60_000) });
  const types = (async () => {
    const heard: string[] = [];
    for await (const event of found.events()) heard.push(event.type);
    return heard;
  })();
  await seen(app, "step.started", runId);
  await found.cancel();
  expect((await ended(app, runId)).type).toBe("workflow.cancelled");
  expect(await types).toEqual(["workflow.started", "step.started", "workflow.cancelled"]);
});

test.each(["", " ", "a b", "é", "a\n", "x".repeat(256), 7])("[run.4] %j is no key, and there is no run", async (idempotencyKey) => {
  await using scene = memoryScene();
  const app = await scene.start({ workflows: WORKFLOWS });
  expect(await failure(app.execute("echo", {}, { idempotencyKey } as never))).toBe("OPTION_INVALID");
  expect((await app.runs.list()).runs).toEqual([]);
});

test("[run.4] a run within a run takes no key, as it is executed once by itself, and no signal", async () => {
  const parent = defineWorkflow("parent", async (inputs, ctx) => await ctx.execute(echo, {}, { [inputs["option"] as string]: "x" }));
  await using scene = memoryScene();
  const app = await scene.start({ workflows: [parent, echo] });
  expect(await failure(app.execute("parent", { option: "idempotencyKey" }))).toBe("OPTION_UNSUPPORTED");
  expect(await failure(app.execute("parent", { option: "signal" }))).toBe("OPTION_UNSUPPORTED");
});
