import { defineEvent, defineWorkflow } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { trimmedStore } from "../http/fixtures/trimmed-store.ts";
import { type Api, rejection, SIDES, take } from "./sides.ts";

const Paid = defineEvent("order.paid", { schema: z.object({ orderId: z.int(), currency: z.string().default("EUR") }) });
const double = defineWorkflow("double", { inputs: z.object({ n: z.int() }) }, async ({ n }, ctx) => {
  await ctx.step("think", () => n);
  return { doubled: 2 * n };
});
const nothing = defineWorkflow("nothing", () => {});
const fail = defineWorkflow("fail", async (_inputs, ctx) => {
  await ctx.step("break", { retry: { attempts: 1 } }, () => {
    throw Object.assign(new TypeError("it broke"), { code: "E_BROKE" });
  });
});
const forever = defineWorkflow("forever", async (_inputs, ctx) => {
  await ctx.waitForEvent("never");
});
const OPTIONS = { workflows: [double, nothing, fail, forever], events: [Paid] };

describe.each(SIDES)("%s", (_name, open) => {
  test("[client.1] execute gives the result, and no value where there is none", async () => {
    await using side = await open(OPTIONS);
    expect(await side.api.execute(double, { n: 21 })).toEqual({ doubled: 42 });
    expect(await side.api.execute("double", { n: 1 })).toEqual({ doubled: 2 });
    expect(await side.api.execute("nothing")).toBeUndefined();
  });

  test("[client.1] a run that fails rejects with WORKFLOW_FAILED, its error, and the place just before its first event", async () => {
    await using side = await open(OPTIONS);
    const { cursor } = await side.api.getEvents();
    const rejected = await rejection(side.api.execute("fail"));
    const { stack: _stack, ...error } = rejected.details.error;
    expect(error).toEqual({ name: "TypeError", message: "it broke", code: "E_BROKE", step: "break" });
    expect({ ...rejected, details: { ...rejected.details, error } }).toEqual({
      name: "NexusError",
      message: "The workflow failed: it broke",
      code: "WORKFLOW_FAILED",
      details: { runId: expect.any(String), cursor, error },
      retryable: false,
    });
  });

  test("[client.1] a run is watched from its first event to its last, in the order of the log; built-in events answer to their fields", async () => {
    await using side = await open(OPTIONS);
    const run = await side.api.startRun(double, { n: 4 });
    const events: any[] = [];
    for await (const event of run.events()) events.push(event);
    expect(events.map(({ type }) => type)).toEqual(["workflow.started", "step.started", "step.completed", "workflow.completed"]);
    expect([events[0].inputs, events[2].step, events[3].result]).toEqual([{ n: 4 }, "think", { doubled: 8 }]);
    expect(Object.keys(events[3])).not.toContain("result");
    expect(await run.result()).toEqual({ doubled: 8 });
    const read = (await side.api.getEvents({ runId: run.runId, after: run.cursor })).events as any[];
    expect(read).toEqual(events);
    expect(read[3].durationMs).toBe(events[3].data.durationMs);
    expect(await side.api.runs.get(run.runId)).toMatchObject({ status: "completed", workflowName: "double", result: { doubled: 8 } });
  });

  test("[client.1] cancel, and the signal of execute, end a run with RUN_CANCELLED and its reason", async () => {
    await using side = await open(OPTIONS);
    const run = await side.api.startRun("forever");
    await run.cancel("not wanted");
    expect(await rejection(run.result())).toMatchObject({ code: "RUN_CANCELLED", details: { runId: run.runId, reason: "not wanted" } });

    const giving = new AbortController();
    const executed = rejection(side.api.execute("forever", {}, { signal: giving.signal }));
    for await (const event of side.api.subscribe({ type: "workflow.started", after: "earliest" })) if (event.runId !== run.runId) break;
    giving.abort();
    expect(await executed).toMatchObject({ code: "RUN_CANCELLED", details: { reason: "its caller gave it up" } });
    expect((await side.api.runs.list()).runs.map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);

    const before = new Error("given up before");
    await expect(side.api.execute("forever", {}, { signal: AbortSignal.abort(before) })).rejects.toBe(before);
    expect((await side.api.runs.list()).runs.length).toBe(2);
  });

  test("[client.1] emit resolves to the receipt; the same id gives the first one; a broadcast is marked", async () => {
    await using side = await open(OPTIONS);
    const receipt = await side.api.emitEvent(Paid, { orderId: 7 }, { id: "my-id", metadata: { by: "hand" } });
    expect(await side.api.emitEvent(Paid, { orderId: 7 }, { id: "my-id", metadata: { by: "hand" } })).toEqual(receipt);
    await side.api.broadcastEvent("NEWS", { text: "hello" });
    const { events } = await side.api.getEvents({ type: ["order.paid", "NEWS"] });
    const { id, sequence, cursor } = events[0] as any;
    expect(receipt).toMatchObject({ id, sequence, cursor });
    expect(events).toMatchObject([
      { type: "order.paid", data: { orderId: 7, currency: "EUR" }, metadata: { by: "hand" } },
      { type: "NEWS", broadcast: true, visibility: "public" },
    ]);
  });

  test("[client.1] events are read by definition, by moment and page by page", async () => {
    await using side = await open(OPTIONS);
    for (let orderId = 1; orderId <= 5; orderId++) await side.api.emitEvent(Paid, { orderId });
    const first = await side.api.getEvents({ type: Paid, limit: 2, after: "earliest" });
    const rest = await side.api.getEvents({ type: Paid, after: first.cursor });
    const ids = (page: { readonly events: readonly any[] }): number[] => page.events.map(({ data }) => data.orderId);
    expect([ids(first), first.hasMore, ids(rest), rest.hasMore]).toEqual([[1, 2], true, [3, 4, 5], false]);
    expect(ids(await side.api.getEvents({ type: Paid, limit: 2, order: "desc" }))).toEqual([5, 4]);
    const { timestamp } = first.events[0] as any;
    expect(ids(await side.api.getEvents({ type: Paid, since: new Date(timestamp), until: Date.now() + 60_000 }))).toEqual([1, 2, 3, 4, 5]);
    expect(ids(await side.api.getEvents({ type: Paid, until: timestamp }))).toEqual([]);
    expect(ids(await side.api.getEvents({ type: Paid, after: new Date(timestamp) }))).toEqual([1, 2, 3, 4, 5]);
  });

  test("[client.1] a subscription takes its place at the call, reads in order, and goes on from its cursor", async () => {
    await using side = await open(OPTIONS);
    const live = side.api.subscribe({ type: "n" });
    await live.ready;
    for (let n = 0; n < 300; n++) void side.app.emitEvent("n", n);
    const first = await take(live, 100);
    const rest = await take(side.api.subscribe({ type: "n", after: live.cursor }), 200);
    expect([...first, ...rest].map(({ sequence }) => sequence)).toEqual(
      [...first, ...rest].map(({ sequence }) => sequence).sort((a, b) => a - b),
    );
    expect(new Set([...first, ...rest].map(({ data }) => data)).size).toBe(300);
    expect(live.cursor).toBe(first[99].cursor);
  });

  test("[client.1] a subscription ends quietly by its signal, and by leaving its loop", async () => {
    await using side = await open(OPTIONS);
    const leaving = new AbortController();
    const live = side.api.subscribe({ type: "n", signal: leaving.signal });
    await live.ready;
    const read = (async () => {
      const seen: unknown[] = [];
      for await (const event of live) {
        seen.push(event.data);
        leaving.abort();
      }
      return seen;
    })();
    await side.api.emitEvent("n", 1);
    await side.api.emitEvent("n", 2);
    expect(await read).toEqual([1]);
    await using other = side.api.subscribe({ type: "n", after: "earliest" });
    expect((await take(other, 1)).map(({ data }) => data)).toEqual([1]);
    expect(await take(other, 1)).toEqual([]);
  });

  test("[client.1] waitForEvent gives the first that matches, undefined at its deadline, and rejects with its signal's reason", async () => {
    await using side = await open(OPTIONS);
    const { cursor } = await side.api.emitEvent(Paid, { orderId: 1 });
    const waiting = side.api.waitForEvent(Paid, { match: { orderId: 2 }, after: cursor });
    await side.api.emitEvent(Paid, { orderId: 3 });
    await side.api.emitEvent(Paid, { orderId: 2 });
    expect(await waiting).toMatchObject({ data: { orderId: 2, currency: "EUR" } });
    expect(await side.api.waitForEvent(Paid, { match: { orderId: 9 }, after: "earliest", timeoutMs: 100 })).toBeUndefined();
    expect(await side.api.waitForEvent(Paid, { match: { orderId: 3 }, after: "earliest", timeoutMs: 0 })).toBeDefined();
    const gone = new Error("no longer wanted");
    await expect(side.api.waitForEvent("never", { signal: AbortSignal.abort(gone) })).rejects.toBe(gone);
  });

  test("[client.1] sessions are created, patched, read, joined, listed and ended", async () => {
    await using side = await open(OPTIONS);
    const { sessions } = side.api;
    const { cursor } = await side.api.getEvents();
    const session = await sessions.create({ data: { theme: "dark", size: 1 }, metadata: { from: "test" }, ttlMs: 60_000 });
    await sessions.update(session.id, { theme: null, lang: "de" } as never);
    await side.api.execute(double, { n: 1 }, { sessionId: session.id });
    await sessions.join(session.id, "api");
    expect(await sessions.get(session.id)).toMatchObject({
      data: { size: 1, lang: "de" },
      metadata: { from: "test" },
      channels: expect.arrayContaining(["api"]),
      workflowCount: 1,
    });
    expect((await sessions.list({ after: cursor })).sessions.map(({ id }) => id)).toEqual([session.id]);
    expect((await sessions.end(session.id)).ended).toBe("ended");
    expect(await rejection(sessions.end(session.id))).toMatchObject({ code: "SESSION_ENDED" });
    expect(await rejection(sessions.get("no-such-session"))).toMatchObject({ code: "SESSION_NOT_FOUND" });
    expect(await rejection(sessions.create({ data: { f: () => 1 } as never }))).toMatchObject({
      code: "EVENT_INVALID",
      details: { faults: [{ path: "data.f" }] },
    });
  });

  test("[client.1] the same idempotency key gives the same run, also when it has failed", async () => {
    await using side = await open(OPTIONS);
    const first = await side.api.startRun("double", { n: 3 }, { idempotencyKey: "k" });
    expect(await first.result()).toEqual({ doubled: 6 });
    const second = await side.api.startRun("double", { n: 3 }, { idempotencyKey: "k" });
    expect([second.runId, second.cursor, await second.result()]).toEqual([first.runId, first.cursor, { doubled: 6 }]);
    expect((await rejection(side.api.startRun("double", { n: 4 }, { idempotencyKey: "k" }))).code).toBe("IDEMPOTENCY_CONFLICT");
    const failed = await rejection(side.api.execute("fail", {}, { idempotencyKey: "f" }));
    expect(await rejection(side.api.execute("fail", {}, { idempotencyKey: "f" }))).toEqual(failed);
    expect((await side.api.runs.list()).runs.length).toBe(2);
  });

  test("[client.1] a place that is gone throws from the loop, and from ready, unless onLoss says to go on", async () => {
    const { store, trim } = trimmedStore();
    await using side = await open({ store });
    const [first, second] = [await side.api.emitEvent("n", 1), await side.api.emitEvent("n", 2)];
    await side.api.emitEvent("n", 3);
    await trim(second.sequence);
    const foreign = `0123456789.${first.sequence}.abc`;
    for (const [after, code] of [
      [first.cursor, "CURSOR_EXPIRED"],
      [foreign, "CURSOR_UNKNOWN"],
      ["nonsense", "CURSOR_INVALID"],
    ] as const) {
      const lost = side.api.subscribe({ after });
      const rejected = await rejection(take(lost, 1));
      expect([rejected.code, rejected.details.cursor]).toEqual([code, after]);
      expect(await rejection(lost.ready)).toEqual(rejected);
      expect((await rejection(side.api.getEvents({ after }))).code).toBe(code);
      if (code !== "CURSOR_INVALID") expect((await take(side.api.subscribe({ after, onLoss: "earliest" }), 1))[0].data).toBe(3);
    }
    expect((await rejection(take(side.api.subscribe({ after: "nonsense", onLoss: "earliest" }), 1))).code).toBe("CURSOR_INVALID");
  });
});

test("[client.1] what is refused is refused with the same code, the same facts and the same words on both sides", async () => {
  const refusals = await Promise.all(
    SIDES.map(async ([, open]) => {
      await using side = await open(OPTIONS);
      return await refusalsOf(side.api);
    }),
  );
  expect(refusals[1]).toEqual(refusals[0]);
  expect(refusals[0]?.map(({ code }) => code)).toEqual([
    "INPUT_INVALID",
    "WORKFLOW_NOT_FOUND",
    "INPUT_INVALID",
    "EVENT_INVALID",
    "EVENT_INVALID",
    "EVENT_INVALID",
    "EVENT_TYPE_INVALID",
    "EVENT_TOO_LARGE",
    "CURSOR_INVALID",
    "FILTER_INVALID",
    "FILTER_INVALID",
    "CURSOR_INVALID",
    "RUN_NOT_FOUND",
    "OPTION_INVALID",
    "FILTER_INVALID",
  ]);
});

async function refusalsOf(api: Api): Promise<any[]> {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  return await Promise.all([
    rejection(api.execute("double", { n: "x" })),
    rejection(api.execute("dubble", { n: 1 })),
    rejection(api.execute("double", { n: Number.NaN })),
    rejection(api.emitEvent("order.paid", { orderId: "x" })),
    rejection(api.emitEvent("loose", { deep: [() => 1] } as never)),
    rejection(api.emitEvent("loose", cyclic as never)),
    rejection(api.emitEvent("workflow.mine", {} as never)),
    rejection(api.emitEvent("big", "x".repeat(300_000))),
    rejection(api.getEvents({ after: "no cursor" })),
    rejection(api.getEvents({ type: "a*b" })),
    rejection(api.getEvents({ since: new Date(Number.NaN) })),
    rejection(api.getEvents({ after: new Date(Number.NaN) })),
    rejection(api.runs.get("no-such-run")),
    rejection(api.waitForEvent("order.paid", { timeoutMs: -1 })),
    rejection((async () => api.subscribe({ channel: "http" as never }))()),
  ]);
}
