import { type Consumer, type Nexus, NexusError, RetryAfter } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { heldStore } from "../workflows/held-store.ts";
import { memoryScene, quiet, type Scene, STORES, scene, seen } from "../workflows/scene.ts";
import { testClock } from "../workflows/test-clock.ts";
import { collector } from "./collector.ts";
import { when } from "./when.ts";

const DAY_MS = 86_400_000;

/** Starts an app with one consumer. */
async function started(
  place: Scene,
  deliver: Parameters<Nexus["consumer"]>[2],
  options: object = {},
  setup: object = {},
): Promise<{ readonly app: Nexus; readonly consumer: Consumer }> {
  let consumer: Consumer | undefined;
  const app = await place.start(setup, (it) => {
    consumer = it.consumer("c", { type: "n", ...options }, deliver);
  });
  return { app, consumer: consumer as Consumer };
}

async function emit(app: Nexus, ...numbers: readonly number[]): Promise<void> {
  for (const n of numbers) await app.emitEvent("n", { n });
}

describe.each(STORES)("on %s", (_name, open) => {
  test("[consumer.3] a paused consumer stays so over restarts, and goes on where it was when it is resumed", async () => {
    await using place = await open();
    const { deliver, reach, got } = collector();
    const first = await started(place, deliver);
    await emit(first.app, 0);
    await reach(1);
    await first.consumer.pause();
    await emit(first.app, 1);
    await place.crash();
    const second = await started(place, deliver);
    await emit(second.app, 2);
    expect(await second.consumer.status()).toMatchObject({ status: "paused", paused: true });
    expect(got).toEqual([0]);
    await second.consumer.resume();
    expect(await reach(3)).toEqual([0, 1, 2]);
    expect(await second.consumer.status()).toMatchObject({ status: "active", paused: false });
  });

  test("[consumer.3] a removed consumer begins anew when it is named again", async () => {
    await using place = await open();
    const { deliver, reach, got } = collector();
    const { app, consumer } = await started(place, deliver);
    await emit(app, 0);
    await reach(1);
    await consumer.remove();
    await emit(app, 1);
    await expect(consumer.status()).rejects.toMatchObject({ code: "CONSUMER_NOT_FOUND" });
    const again = app.consumer("c", { type: "n" }, deliver);
    await again.status();
    await emit(app, 2);
    await reach(2);
    expect(got).toEqual([0, 2]);
  });

  test("[consumer.3] a rewound consumer delivers again from that place on, and the place survives a crash", async () => {
    await using place = await open();
    const { deliver, reach, got } = collector();
    const { app, consumer } = await started(place, deliver);
    await emit(app, 0, 1, 2);
    await reach(3);
    const { events } = await app.getEvents({ type: "n", after: "earliest" });
    await consumer.pause();
    await consumer.rewind(events[0]?.cursor ?? "");
    expect(await consumer.status()).toMatchObject({ status: "paused", cursor: events[0]?.cursor });
    await place.crash();
    const again = await started(place, deliver);
    expect(got).toHaveLength(3);
    await again.consumer.resume();
    expect(await reach(5)).toEqual([0, 1, 2, 1, 2]);
  });
});

test("[consumer.3] places to rewind to are earliest, latest, a cursor, a time", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const { deliver, reach, got } = collector();
  const { app, consumer } = await started(place, deliver, {}, { clock });
  await emit(app, 0);
  clock.advance(10_000);
  const time = clock.now();
  await emit(app, 1);
  await reach(2);
  await consumer.rewind("earliest");
  await reach(4);
  await consumer.rewind(new Date(time));
  await reach(5);
  await consumer.rewind(`time:${new Date(time).toISOString()}`);
  await reach(6);
  await consumer.rewind("latest");
  await emit(app, 2);
  await reach(7);
  expect(got).toEqual([0, 1, 0, 1, 1, 1, 2]);
  await expect(consumer.rewind("rubbish")).rejects.toMatchObject({ code: "CURSOR_INVALID" });
  await expect(consumer.rewind("aaaaaaaaaa.1")).rejects.toMatchObject({ code: "CURSOR_UNKNOWN" });
  await emit(app, 3);
  await reach(8);
});

test("[consumer.3] pause lets a delivery under way end and count; none begins after it", async () => {
  await using place = memoryScene();
  const gate = Promise.withResolvers<void>();
  const { deliver, reach, got } = collector(undefined, () => gate.promise);
  const { app, consumer } = await started(place, deliver);
  await emit(app, 0, 1);
  await reach(1);
  await consumer.pause();
  gate.resolve();
  await when(consumer, ({ totals }) => totals.delivered === 1);
  expect(got).toEqual([0]);
  await consumer.resume();
  await reach(2);
  expect(got).toEqual([0, 1]);
});

test("[consumer.3] resumed while the delivery from before the pause is still under way, it waits for that", async () => {
  await using place = memoryScene();
  const gate = Promise.withResolvers<void>();
  const { deliver, reach, got } = collector(undefined, () => gate.promise);
  const { app, consumer } = await started(place, deliver);
  await emit(app, 0, 1);
  await reach(1);
  await consumer.pause();
  await consumer.resume();
  await consumer.pause();
  await consumer.resume();
  expect(got).toEqual([0]);
  gate.resolve();
  expect(await reach(2)).toEqual([0, 1]);
});

test("[consumer.3] pause ends a wait for the next try, which is made up when it is resumed", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const { deliver, reach, got } = collector(
    (_event, { attempt }) => attempt,
    (_event, { attempt }) => {
      if (attempt === 1) throw new RetryAfter(5_000);
    },
  );
  const { app, consumer } = await started(place, deliver, {}, { clock });
  await emit(app, 0);
  await clock.asleep(5_000);
  await consumer.pause();
  clock.advance(3_000);
  expect((await consumer.status()).retrying).toMatchObject([{ attempts: 1, mostAttempts: 20, type: "n" }]);
  await consumer.resume();
  await clock.asleep(2_000);
  expect(got).toEqual([1]);
  clock.advance(2_000);
  expect(await reach(2)).toEqual([1, 2]);
});

test("[consumer.3] rewind tells a delivery under way to end, and what becomes of it does not count", async () => {
  await using place = memoryScene();
  const { deliver, reach } = collector(
    ({ data }, { attempt }) => `${data.n}.${attempt}`,
    ({ data }, { signal }) =>
      data.n === 1 && !signal.aborted ? new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true })) : undefined,
  );
  const { app, consumer } = await started(place, deliver);
  await emit(app, 0, 1);
  await reach(2);
  await consumer.rewind("earliest");
  expect(await reach(4)).toEqual(["0.1", "1.1", "0.1", "1.1"]);
  expect((await consumer.status()).totals).toMatchObject({ delivered: 2, failures: 0 });
  await consumer.remove();
});

test("[consumer.3] what failed before a rewind is tried afresh after it, and is told afresh", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const { deliver, reach } = collector(
    (_event, { attempt }) => attempt,
    () => {
      throw new RetryAfter(5_000);
    },
  );
  const { app, consumer } = await started(place, deliver, {}, { clock });
  await emit(app, 0);
  await clock.asleep(5_000);
  clock.advance(5_000);
  await reach(2);
  await consumer.rewind("earliest");
  expect(await reach(3)).toEqual([1, 2, 1]);
  await when(consumer, ({ retrying }) => retrying[0]?.attempts === 1);
  expect((await app.getEvents({ type: "consumer.retrying" })).events).toHaveLength(2);
});

test("[consumer.3] remove ends a wait and a delivery under way; its dead letters go with it", async () => {
  await using place = memoryScene();
  const aborted: unknown[] = [];
  const { deliver, reach } = collector(undefined, ({ data }, { signal }) => {
    if (data.n === 0) return Promise.reject(Object.assign(new Error("no"), { retryable: false }));
    return new Promise(() => signal.addEventListener("abort", () => aborted.push((signal.reason as NexusError).code)));
  });
  const { app, consumer } = await started(place, deliver);
  await emit(app, 0, 1);
  await reach(2);
  expect((await consumer.status()).deadLetters).toBe(1);
  await consumer.remove();
  expect(aborted).toEqual(["STOPPING"]);
  const again = app.consumer("c", { type: "n" }, () => {});
  expect(await again.status()).toMatchObject({ deadLetters: 0, totals: { delivered: 0 } });
});

test("[consumer.3] status names the lag, the tries, the time of the next, and the last error", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const { app, consumer } = await started(
    place,
    () => {
      throw new RetryAfter(5_000, { cause: new Error("busy") });
    },
    { channel: "app" },
    { clock },
  );
  const { id, sequence } = await app.emitEvent("n", {});
  await app.emitEvent("other", {});
  await clock.asleep(5_000);
  const nextRetryAt = clock.now() + 5_000;
  expect(await consumer.status()).toMatchObject({
    name: "c",
    status: "active",
    lag: 3,
    deadLetters: 0,
    nextRetryAt,
    retrying: [{ eventId: id, sequence, type: "n", attempts: 1, mostAttempts: 20, nextRetryAt, error: { name: "RetryAfter" } }],
    filter: { type: ["n"], channel: ["app"] },
    sink: "function",
    totals: { delivered: 0, failures: 1, deadLettered: 0, lost: 0 },
  });
});

test("[consumer.1] a cursor of another history stops the consumer with that error, and it never starts over by itself", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const { deliver, reach, got } = collector();
  const first = await started(place, deliver);
  await emit(first.app, 0);
  await reach(1);
  await first.app.stop();
  // What a file that was put back to an older copy looks like: the cursor is of a place that this log does not have.
  const app = await place.start();
  const key = `consumers/${Buffer.from("c").toString("base64url")}`;
  const { value } = (await held.state.get(key)) as { value: object };
  const epoch = ((value as { cursor: string }).cursor.split(".")[0] ?? "") as string;
  await held.state.put(key, { ...value, cursor: `${epoch}.999999.abc` });
  await app.stop();
  const errors: object[] = [];
  for (let life = 0; life < 2; life++) {
    const { app: again, consumer } = await started(
      place,
      deliver,
      {},
      { logger: { ...quiet, error: (fields: object) => errors.push(fields) } },
    );
    await emit(again, 1 + life);
    expect(await consumer.status()).toMatchObject({
      status: "stopped",
      error: { code: "CURSOR_UNKNOWN" },
      cursor: `${epoch}.999999.abc`,
    });
    await expect(consumer.resume()).rejects.toMatchObject({ code: "CURSOR_UNKNOWN" });
    expect(errors).toContainEqual({ error: expect.objectContaining({ code: "CURSOR_UNKNOWN" }), consumer: "c" });
    expect(got).toEqual([0]);
    if (life === 0) continue;
    await consumer.rewind("earliest");
    expect(await reach(4)).toEqual([0, 0, 1, 2]);
  }
});

test("[log.7] a consumer keeps the events it has not got to for 7 days; then it moves to the floor, and says what it lost", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const { deliver, reach, until, got } = collector();
  const { app, consumer } = await started(place, deliver, {}, { clock, retention: { maxEvents: 2 } });
  await emit(app, 0);
  await reach(1);
  await consumer.pause();
  const { cursor } = await consumer.status();
  await emit(app, 1, 2, 3);
  clock.advance(6 * DAY_MS);
  await emit(app, 4);
  const health = async (): Promise<any> => (await app.fetch(new Request("http://localhost/health"))).json();
  await expect.poll(async () => (await health()).log.heldBy).toEqual({ kind: "consumer", name: "c", cursor: expect.any(String) });
  clock.advance(2 * DAY_MS);
  await emit(app, 5);
  const lost = await seen(app, "consumer.lost");
  const status = await when(consumer, ({ totals }) => totals.lost > 0);
  expect(lost).toMatchObject({
    data: { consumer: "c", from: cursor, to: status.cursor, count: status.totals.lost },
    visibility: "operators",
  });
  expect(status.status).toBe("paused");
  await consumer.resume();
  await until(5);
  expect(got.slice(1)).toEqual([1, 2, 3, 4, 5].slice(lost.data.count));
});

test("[log.7] a consumer at work that finds itself below the floor moves there, and says so", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const gate = Promise.withResolvers<void>();
  const { deliver, reach } = collector(undefined, ({ data }) => (data.n === 0 ? gate.promise : undefined));
  const { app, consumer } = await started(place, deliver);
  await app.emitEvent("n", { n: 0 });
  await reach(1);
  // More than is kept in memory for readers near the end.
  for (let n = 1; n < 50; n++) await app.emitEvent("n", { n, text: "x".repeat(250_000) });
  await held.log.trim((await held.log.head()).sequence - 1);
  gate.resolve();
  await seen(app, "consumer.lost");
  await when(consumer, ({ lag }) => lag === 0);
  expect((await reach(2)).at(-1)).toBe(49);
  expect((await consumer.status()).totals.lost).toBeGreaterThan(0);
});

test("[log.7] one whose cursor was forgotten while nothing ran moves to the floor at its start, and says so", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const { deliver, reach } = collector();
  await (await started(place, deliver)).app.stop();
  const app = await place.start();
  await emit(app, 0, 1);
  const { sequence } = await app.emitEvent("n", { n: 2 });
  await held.log.trim(sequence - 1);
  await app.stop();
  const again = await started(place, deliver);
  expect(await reach(1)).toEqual([2]);
  const lost = await seen(again.app, "consumer.lost");
  expect(lost.data.count).toBe(2);
});

test("[consumer.1] whoever was overtaken cannot move the cursor, and stops", async () => {
  const held = heldStore();
  await using place = scene(() => held.store);
  const { deliver, reach } = collector();
  const { app, consumer } = await started(place, deliver);
  await emit(app, 0);
  await reach(1);
  const key = `consumers/${Buffer.from("c").toString("base64url")}`;
  await consumer.pause();
  const { value } = (await held.state.get(key)) as { value: object };
  const taken = { ...value, node: "other/process", paused: false };
  await held.state.put(key, taken);
  await expect(consumer.resume()).rejects.toMatchObject({ code: "CONSUMER_TAKEN", details: { consumer: "c", node: "other/process" } });
  expect((await held.state.get(key))?.value).toEqual(taken);
});

test("a stop lets a delivery under way end, counts it, and begins no other", async () => {
  await using place = memoryScene();
  const gate = Promise.withResolvers<void>();
  const { deliver, reach, got } = collector(undefined, () => gate.promise);
  const { app } = await started(place, deliver);
  await emit(app, 0, 1);
  await reach(1);
  const stopped = app.stop();
  gate.resolve();
  await stopped;
  const again = await started(place, deliver);
  await emit(again.app, 2);
  await reach(3);
  expect(got).toEqual([0, 1, 2]);
});

test("at its deadline a stop aborts a delivery under way, says so, and it is made again", async () => {
  await using place = memoryScene();
  const warnings: object[] = [];
  const reasons: unknown[] = [];
  let calls = 0;
  const { deliver, reach } = collector(undefined, (_event, { signal }) => {
    signal.addEventListener("abort", () => reasons.push((signal.reason as NexusError).code));
    return ++calls > 1 ? undefined : new Promise(() => {});
  });
  const { app } = await started(place, deliver, {}, { logger: { ...quiet, warn: (fields: object) => warnings.push(fields) } });
  await emit(app, 0);
  await reach(1);
  await app.stop({ deadlineMs: 1 });
  expect([reasons, warnings]).toEqual([["STOPPING"], [{ deliveriesLeft: 1 }]]);
  await started(place, deliver);
  expect(await reach(2)).toEqual([0, 0]);
});
