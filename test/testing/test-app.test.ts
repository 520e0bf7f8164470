import { readFile } from "node:fs/promises";
import { defineEvent, defineWorkflow, Nexus } from "nexus-event-system";
import { fakeClock, testApp } from "nexus-event-system/testing";
import { expect, test } from "vitest";

const DAY = 24 * 3_600_000;
const Paid = defineEvent("order.paid", { schema: { orderId: "integer" } });
const types = (events: readonly { readonly type: string }[]): string[] => events.map(({ type }) => type);

test("[testing.1] advance moves time by just so much: who sleeps longer sleeps on", async () => {
  const remind = defineWorkflow("remind", async (_inputs, ctx) => {
    await ctx.sleep(3 * DAY);
    await ctx.emitEvent("reminder", {});
    await ctx.sleep(DAY);
    return "done";
  });
  await using t = await testApp((setup) => new Nexus({ ...setup, workflows: [remind] }));
  const running = t.app.execute("remind");
  const start = t.clock.now();
  await t.clock.advance(3 * DAY - 1);
  expect(types(await t.events())).not.toContain("reminder");
  await t.clock.advance(1);
  const events = await t.events();
  expect(events.find(({ type }) => type === "reminder")?.timestamp).toBe(start + 3 * DAY);
  expect(types(events)).not.toContain("workflow.completed");
  await t.clock.advance(DAY);
  expect(await running).toBe("done");
});

test("[testing.1] timers fire in the order of their times, also over a long span, and what they begin within it fires in it", async () => {
  const tick = defineWorkflow("tick", async (inputs, ctx) => {
    for (let n = 0; n < 5; n++) {
      await ctx.sleep(Number(inputs["every"]));
      await ctx.emitEvent("tick", Number(inputs["every"]));
    }
  });
  await using t = await testApp((setup) => new Nexus({ ...setup, workflows: [tick] }));
  const begun = t.clock.now();
  for (const every of [3_000, 2_000]) await t.app.startRun("tick", { every });
  await t.clock.advance(DAY);
  const ticks = (await t.events()).filter(({ type }) => type === "tick").map(({ timestamp, data }) => [timestamp - begun, data]);
  // At 6 s both are due: the one that fell asleep first wakes first.
  expect(ticks).toEqual([
    [2_000, 2_000],
    [3_000, 3_000],
    [4_000, 2_000],
    [6_000, 3_000],
    [6_000, 2_000],
    [8_000, 2_000],
    [9_000, 3_000],
    [10_000, 2_000],
    [12_000, 3_000],
    [15_000, 3_000],
  ]);
});

test("[testing.1] advance waits for steps that do real work, and for handlers, before it moves on", async () => {
  const load = defineWorkflow("load", async (_inputs, ctx) => {
    const text = await ctx.step("read", () => readFile(import.meta.filename, "utf8"));
    await ctx.sleep(1_000);
    return text.length > 0;
  });
  await using t = await testApp((setup) => new Nexus({ ...setup, workflows: [load] }));
  const handled: string[] = [];
  t.app.onWorkflowCompleted(async (event) => {
    await readFile(import.meta.filename);
    handled.push(event.workflowName);
  });
  const running = t.app.execute("load");
  await t.clock.advance(1_000);
  expect(handled).toEqual(["load"]);
  expect(await running).toBe(true);
});

test("[testing.1] tries of a step, its time limit and that of a handler are reached by moving time", async () => {
  let tries = 0;
  const flaky = defineWorkflow("flaky", async (_inputs, ctx) =>
    ctx.step("call", { retry: { attempts: 3, baseMs: 60_000, capMs: 60_000 } }, () => {
      if (++tries < 3) throw new Error("not yet");
      return tries;
    }),
  );
  const hangs = defineWorkflow("hangs", async (_inputs, ctx) => {
    await ctx.step("hang", { timeoutMs: 5_000, retry: { attempts: 1 } }, () => new Promise<void>(() => {}));
  });
  await using t = await testApp((setup) => new Nexus({ ...setup, workflows: [flaky, hangs] }));
  const running = t.app.execute(flaky);
  await t.clock.advance(2 * 60_000);
  expect(await running).toBe(3);

  t.app.onEvent("slow", () => new Promise(() => {}));
  await t.app.emitEvent("slow", {});
  const hanging = t.app.execute(hangs).catch((error: unknown) => error);
  await t.clock.advance(30_000);
  expect(await hanging).toMatchObject({ code: "WORKFLOW_FAILED", details: { error: { code: "STEP_TIMEOUT" } } });
  expect((await t.events()).find(({ type }) => type === "handler.failed")?.data).toMatchObject({ error: { code: "HANDLER_TIMEOUT" } });
});

test("[testing.1] a session that nobody uses ends when its time is over, and not before", async () => {
  await using t = await testApp((setup) => new Nexus({ ...setup }));
  await t.app.sessions.create({ ttlMs: 60_000 });
  const begun = t.clock.now();
  await t.clock.advance(59_999);
  expect(types(await t.events())).toEqual(["session.created"]);
  await t.clock.advance(DAY);
  expect((await t.events()).map(({ type, timestamp }) => [type, timestamp - begun])).toEqual([
    ["session.created", 0],
    ["session.ended", 60_000],
  ]);
});

test("[testing.2] settled: nothing is running or undelivered, and what merely waits goes on waiting", async () => {
  const ship = defineWorkflow("ship", async (_inputs, ctx) => {
    await ctx.step("pack", () => readFile(import.meta.filename, "utf8").then(({ length }) => length));
    const paid = await ctx.waitForEvent(Paid, { match: { orderId: 7 } });
    return paid?.data.orderId;
  });
  await using t = await testApp((setup) => new Nexus({ ...setup, events: [Paid], workflows: [ship] }));
  const seen: string[] = [];
  t.app.onEvent("*", (event) => void seen.push(event.type));
  const run = await t.app.startRun(ship);
  await t.settled();
  expect((await t.app.runs.get(run.runId)).status).toBe("waiting");
  await t.app.emitEvent(Paid, { orderId: 7 });
  await t.settled();
  expect((await t.app.runs.get(run.runId)).status).toBe("completed");
  expect(seen).toEqual(types(await t.events()).filter((type) => !type.endsWith(".registered")));
});

test("[testing.3] crash: what was recorded is there, what was under way is taken up, finished steps do not run again", async () => {
  const done: string[] = [];
  const job = defineWorkflow("job", async (_inputs, ctx) => {
    await ctx.step("first", () => void done.push("first"));
    await ctx.sleep(1_000);
    await ctx.step("second", () => void done.push("second"));
    return ctx.attempt;
  });
  await using t = await testApp((setup) => new Nexus({ ...setup, workflows: [job] }));
  const before = t.app;
  const { runId } = await before.startRun(job);
  await t.settled();
  const after = await t.crash();
  expect(after).toBe(t.app);
  expect(after).not.toBe(before);
  await expect(before.emitEvent("late", {})).rejects.toMatchObject({ code: "APP_STOPPED" });
  await t.clock.advance(1_000);
  expect((await after.runs.get(runId)).result).toBe(2);
  expect(done).toEqual(["first", "second"]);
  expect(types(await t.events()).filter((type) => type === "workflow.resumed")).toHaveLength(1);
});

test("[testing.3] a crash in the middle of a step counts as a try of it", async () => {
  let calls = 0;
  const job = defineWorkflow("job", async (_inputs, ctx) =>
    ctx.step("once", () => (++calls === 1 ? new Promise<number>(() => {}) : Promise.resolve(calls))),
  );
  await using t = await testApp((setup) => new Nexus({ ...setup, workflows: [job] }));
  const { runId } = await t.app.startRun(job);
  await t.clock.advance(0);
  await t.crash();
  await t.settled();
  expect((await t.app.runs.get(runId)).result).toBe(2);
});

test("[testing.4] a fake clock alone: sleepers wake in order, abort with their signal's reason, and time never goes back", async () => {
  const clock = fakeClock();
  const woken: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    const due = clock.now() + ms;
    await clock.sleep(ms);
    expect(clock.now()).toBe(due);
    woken.push(ms);
  };
  const leaving = new AbortController();
  const left = clock.sleep(15, leaving.signal).catch((error: unknown) => error);
  const all = Promise.all([30, 10, 20].map(sleep));
  leaving.abort(new Error("left"));
  expect(await left).toEqual(new Error("left"));
  await clock.sleep(0);
  await Promise.all([clock.advance(10), clock.advance(10), clock.advance(10)]);
  await all;
  expect(woken).toEqual([10, 20, 30]);
  await expect(clock.advance(-1)).rejects.toThrow(RangeError);
});
