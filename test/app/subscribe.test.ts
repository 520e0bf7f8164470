import { defineWorkflow, memoryStore, Nexus, type NexusEvent } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { heldStore } from "../workflows/held-store.ts";
import { memoryScene, quiet, STORES, scene } from "../workflows/scene.ts";

async function take(subscription: AsyncIterable<NexusEvent>, count: number): Promise<readonly unknown[]> {
  const got: unknown[] = [];
  for await (const { data } of subscription) if (got.push(data) === count) break;
  return got;
}

describe.each(STORES)("on %s", (_name, open) => {
  test("[subscription.10] a subscription takes its place at the call: what is emitted next is seen, what was before is not", async () => {
    await using place = await open();
    const app = await place.start();
    await app.emitEvent("n", "before");
    const subscription = app.subscribe({ type: "n" });
    for (const data of ["first", "second"]) void app.emitEvent("n", data);
    expect(await take(subscription, 2)).toEqual(["first", "second"]);
  });

  test("[subscription.10] that place is exact also while emits before the call are under way", async () => {
    await using place = await open();
    const app = await place.start();
    for (let n = 0; n < 10; n++) {
      void app.emitEvent("n", `before ${n}`);
      const subscription = app.subscribe({ type: "n" });
      void app.emitEvent("n", `after ${n}`);
      expect(await take(subscription, 1)).toEqual([`after ${n}`]);
    }
  });

  test("[subscription.2] from after onwards each matching event comes once and in order, history and live without a seam", async () => {
    await using place = await open();
    const app = await place.start();
    await Promise.all(Array.from({ length: 300 }, (_, n) => app.emitEvent(n % 2 === 0 ? "even" : "odd", n)));
    const subscription = app.subscribe({ type: "even", after: "earliest" });
    const live = (async () => {
      for (let n = 300; n < 400; n++) await app.emitEvent(n % 2 === 0 ? "even" : "odd", n);
    })();
    expect(await take(subscription, 200)).toEqual(Array.from({ length: 200 }, (_, n) => n * 2));
    await live;
  });
});

test("[subscription.10] the place is taken at the call also in an app that is not open yet", async () => {
  const app = new Nexus({ store: memoryStore(), logger: quiet });
  const subscription = app.subscribe({ type: "n" });
  void app.emitEvent("n", "first");
  expect(await take(subscription, 1)).toEqual(["first"]);
  await app.stop();
});

test("[subscription.10] ready resolves when it is in place, with a cursor to go on from", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("n", 1);
  const subscription = app.subscribe({ type: "n" });
  await subscription.ready;
  expect(subscription.cursor).toBe((await app.getEvents()).cursor);
});

test("[subscription.10] its cursor moves on also while nothing matches", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const subscription = app.subscribe({ type: "wanted" });
  await subscription.ready;
  const next = subscription[Symbol.asyncIterator]().next();
  const { cursor } = await app.emitEvent("other", {});
  await expect.poll(() => subscription.cursor, { interval: 2 }).toBe(cursor);
  await app.emitEvent("wanted", {});
  await next;
});

test("[subscription.10] aborting its signal ends the loop quietly", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const controller = new AbortController();
  const subscription = app.subscribe({ type: "n", signal: controller.signal });
  const ended = take(subscription, 5);
  await app.emitEvent("n", 1);
  await app.settled();
  controller.abort();
  expect((await ended).length).toBeLessThanOrEqual(1);
});

test("[subscription.10] stop() ends the loop quietly", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const ended = take(app.subscribe({ type: "never" }), 1);
  await app.stop();
  expect(await ended).toEqual([]);
});

test("[subscription.10] leaving the loop ends it: the next loop is over at once", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const subscription = app.subscribe({ type: "n" });
  await app.emitEvent("n", 1);
  await app.emitEvent("n", 2);
  expect([await take(subscription, 1), await take(subscription, 1)]).toEqual([[1], []]);
});

test("[subscription.10] disposing ends it while it waits", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const subscription = app.subscribe({ type: "never" });
  const ended = take(subscription, 1);
  await subscription.ready;
  await subscription[Symbol.asyncDispose]();
  expect(await ended).toEqual([]);
});

test("[subscription.10] a place that is gone throws from the loop, and from ready", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const app = await place.start();
  const { cursor } = await app.emitEvent("n", 1);
  for (let n = 2; n <= 5; n++) await app.emitEvent("n", n);
  await held.log.trim(3);
  const subscription = app.subscribe({ after: cursor });
  await expect(subscription.ready).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
  await expect(take(subscription, 1)).rejects.toMatchObject({ code: "CURSOR_EXPIRED" });
});

test("[subscription.10] with onLoss it goes on from the earliest that is left", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const app = await place.start();
  const { cursor } = await app.emitEvent("n", 1);
  for (let n = 2; n <= 5; n++) await app.emitEvent("n", n);
  await held.log.trim(3);
  expect(await take(app.subscribe({ after: cursor, onLoss: "earliest" }), 2)).toEqual([4, 5]);
});

test("[subscription.10] a cursor of another log is CURSOR_UNKNOWN", async () => {
  await using one = memoryScene();
  await using two = memoryScene();
  const { cursor } = await (await one.start()).emitEvent("n", 1);
  const app = await two.start();
  await expect(take(app.subscribe({ after: cursor }), 1)).rejects.toMatchObject({ code: "CURSOR_UNKNOWN" });
});

test("[event.6] waitForEvent gets the next match after the call, and undefined when its time is over", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("n", { a: 1 });
  const waiting = app.waitForEvent("n", { match: { a: 1 } } as never);
  void app.emitEvent("n", { a: 2 });
  const wanted = app.emitEvent("n", { a: 1, b: 3 });
  expect([(await waiting)?.id, await app.waitForEvent("n", { timeoutMs: 1 })]).toEqual([(await wanted).id, undefined]);
});

test("[subscription.8] a run's cursor is the place just before its first event; its events() end with its end", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => 1);
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await run.result();
  const types: string[] = [];
  for await (const event of run.events()) types.push(event.type);
  expect(types).toEqual(["workflow.started", "workflow.completed"]);
});
