import { type Consumer, FatalError, type Nexus, NexusError, RetryAfter } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { memoryScene, quiet, STORES, seen } from "../workflows/scene.ts";
import { testClock } from "../workflows/test-clock.ts";
import { collector } from "./collector.ts";
import { when } from "./when.ts";

const AT_ONCE = { baseMs: 0 };
const away = (): never => {
  throw new Error("away");
};

/** All events of a type, in log order. */
async function told(app: Nexus, type: string): Promise<readonly any[]> {
  return (await app.getEvents({ type, after: "earliest", limit: 1_000 })).events;
}

test("[consumer.2] what fails is tried again until it is delivered, and what is behind it waits", async () => {
  await using place = memoryScene();
  const { deliver, until, got } = collector(
    ({ data }, { attempt }) => `${data.n}.${attempt}`,
    ({ data }, { attempt }) => {
      if (data.n === 1 && attempt < 4) throw new Error("away");
    },
  );
  const app = await place.start({}, (it) => it.consumer("c", { type: "n", retry: AT_ONCE }, deliver));
  for (const n of [0, 1, 2]) await app.emitEvent("n", { n });
  await until("2.1");
  expect(got).toEqual(["0.1", "1.1", "1.2", "1.3", "1.4", "2.1"]);
});

test("[consumer.2] by default tries wait with full jitter, from 1 s doubled up to 15 min, and the twentieth is the last", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const app = await place.start({ clock });
  const consumer = app.consumer("c", { type: "n" }, away);
  await app.emitEvent("n", {});
  for (let attempt = 1; attempt < 20; attempt++) {
    const { nextRetryAt = 0 } = await when(consumer, ({ retrying }) => retrying[0]?.attempts === attempt);
    const delay = nextRetryAt - clock.now();
    expect(delay).toBeGreaterThanOrEqual(0);
    expect(delay).toBeLessThan(Math.min(900_000, 1_000 * 2 ** (attempt - 1)));
    clock.advance(delay);
  }
  const { totals } = await when(consumer, ({ deadLetters }) => deadLetters === 1);
  expect(totals).toMatchObject({ delivered: 0, failures: 20, deadLettered: 1 });
});

test("[consumer.2] RetryAfter says when the next try is", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const { deliver, reach } = collector(
    () => clock.now(),
    (_event, { attempt }) => {
      if (attempt === 1) throw new RetryAfter(7_000);
    },
  );
  const app = await place.start({ clock });
  const consumer = app.consumer("c", { type: "n" }, deliver);
  await app.emitEvent("n", {});
  const [first = 0] = await reach(1);
  await clock.asleep(7_000);
  expect((await consumer.status()).nextRetryAt).toBe(first + 7_000);
  clock.advance(7_000);
  expect(await reach(2)).toEqual([first, first + 7_000]);
});

test("[consumer.2] a clock that was set back while no process was up makes no try wait longer than it was to", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const { deliver, reach } = collector(
    (_event, { attempt }) => attempt,
    (_event, { attempt }) => {
      if (attempt === 1) throw new RetryAfter(7_000);
    },
  );
  const app = await place.start({ clock }, (it) => it.consumer("c", { type: "n" }, deliver));
  await app.emitEvent("n", {});
  await clock.asleep(7_000);
  await place.crash();
  clock.advance(-3_600_000);
  await place.start({ clock }, (it) => it.consumer("c", { type: "n" }, deliver));
  await clock.asleep(7_000);
  clock.advance(7_000);
  expect(await reach(2)).toEqual([1, 2]);
});

test.each([
  ["FatalError", new FatalError("never"), "never"],
  ["an error of the table that is not retryable", new NexusError("EVENT_INVALID", { type: "x", faults: [] }), "EVENT_INVALID"],
  ["an error that says so of itself", Object.assign(new Error("gone"), { retryable: false }), "gone"],
])("[consumer.2] after %s there is no further try", async (_what, error, word) => {
  await using place = memoryScene();
  const { deliver, until, got } = collector(undefined, ({ data }) => (data.n === 0 ? Promise.reject(error) : undefined));
  const app = await place.start({}, (it) => it.consumer("c", { type: "n" }, deliver));
  for (const n of [0, 1]) await app.emitEvent("n", { n });
  await until(1);
  expect(got).toEqual([0, 1]);
  const [dead] = await told(app, "consumer.dead_lettered");
  expect([dead.data.attempt, dead.data.error.code ?? dead.data.error.message]).toEqual([1, word]);
  expect(await told(app, "consumer.retrying")).toEqual([]);
});

test("[consumer.2] a delivery that hangs fails after timeoutMs with its signal aborted; 30 s by default", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const reasons: unknown[] = [];
  const { deliver, reach } = collector(undefined, (_event, { signal, attempt }) => {
    if (attempt > 1) return undefined;
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    return new Promise(() => {});
  });
  const app = await place.start({ clock }, (it) => {
    it.consumer("quick", { type: "n", timeoutMs: 1_234, retry: AT_ONCE }, deliver);
    it.consumer("usual", { type: "n", retry: AT_ONCE }, deliver);
  });
  await app.emitEvent("n", {});
  await reach(2);
  clock.advance(1_234);
  await reach(3);
  clock.advance(30_000 - 1_234);
  await reach(4);
  expect(reasons.map((reason) => NexusError.is(reason, "DELIVERY_TIMEOUT"))).toEqual([true, true]);
  expect((await told(app, "consumer.retrying")).map(({ data }) => [data.consumer, data.error.code])).toEqual([
    ["quick", "DELIVERY_TIMEOUT"],
    ["usual", "DELIVERY_TIMEOUT"],
  ]);
});

test.each([undefined, "continue"] as const)(
  "[consumer.2] after a dead letter the consumer goes on, with onDeadLetter %s",
  async (onDeadLetter) => {
    await using place = memoryScene();
    const { deliver, until, got } = collector(undefined, ({ data }) => {
      if (data.n === 0) throw new FatalError("poison");
    });
    const app = await place.start();
    app.consumer("c", { type: "n", onDeadLetter }, deliver);
    for (const n of [0, 1]) await app.emitEvent("n", { n });
    await until(1);
    expect(got).toEqual([0, 1]);
  },
);

test("[consumer.2] with onDeadLetter stop it stops behind the dead letter, also after a restart, until it is resumed", async () => {
  await using place = memoryScene();
  const { deliver, until, got } = collector(undefined, ({ data }) => {
    if (data.n === 0) throw new FatalError("poison");
  });
  let consumer: Consumer | undefined;
  const name = (it: Nexus): void => {
    consumer = it.consumer("c", { type: "n", onDeadLetter: "stop" }, deliver);
  };
  const app = await place.start({}, name);
  for (const n of [0, 1]) await app.emitEvent("n", { n });
  const stopped = await when(consumer as unknown as Consumer, ({ status }) => status === "stopped");
  expect([stopped.error?.message, stopped.deadLetters, stopped.totals.deadLettered]).toEqual(["poison", 1, 1]);
  await app.stop();
  const again = await place.start({}, name);
  const witness = collector();
  again.consumer("witness", { type: "n", from: "earliest" }, witness.deliver);
  await witness.reach(2);
  expect([(await consumer?.status())?.status, got]).toEqual(["stopped", [0]]);
  await consumer?.resume();
  await until(1);
  expect(got).toEqual([0, 1]);
});

describe.each(STORES)("on %s", (_name, open) => {
  test("[consumer.2] tries are counted over restarts, and so is the time to the next", async () => {
    await using place = await open();
    const clock = testClock();
    const { deliver, reach } = collector(
      (_event, { attempt }) => attempt,
      () => {
        throw new RetryAfter(60_000);
      },
    );
    const name = (it: Nexus): unknown => it.consumer("c", { type: "n", retry: { attempts: 4 } }, deliver);
    let app = await place.start({ clock }, name);
    const { id } = await app.emitEvent("n", {});
    for (let tries = 1; tries < 4; tries++) {
      await reach(tries);
      await clock.asleep(60_000);
      await place.crash();
      clock.advance(20_000);
      app = await place.start({ clock }, name);
      await clock.asleep(40_000);
      clock.advance(40_000);
    }
    expect(await reach(4)).toEqual([1, 2, 3, 4]);
    expect((await seen(app, "consumer.dead_lettered")).data).toMatchObject({ consumer: "c", eventId: id, attempt: 4 });
    expect(await told(app, "consumer.retrying")).toHaveLength(1);
  });
});

test("[consumer.5] consumer.retrying is recorded once for an event, at its first failure; consumer.dead_lettered with its end", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.consumer("c", { type: "n", retry: { attempts: 5, baseMs: 0 } }, () => {
    throw Object.assign(new TypeError("no"), { code: "E_NO" });
  });
  const { id } = await app.emitEvent("n", {}, { userId: "ann", correlationId: "c1", visibility: "public" });
  const error = { name: "TypeError", message: "no", code: "E_NO" };
  const envelope = { causationId: id, correlationId: "c1", userId: "ann", visibility: "operators" };
  expect(await seen(app, "consumer.dead_lettered")).toMatchObject({ data: { consumer: "c", eventId: id, attempt: 5, error }, ...envelope });
  const retrying = await told(app, "consumer.retrying");
  expect(retrying).toHaveLength(1);
  expect(retrying[0]).toMatchObject({ data: { consumer: "c", eventId: id, attempt: 1, error, delayMs: 0 }, ...envelope });
});

test("[consumer.5] two consumers of everything whose sinks are dead, and a handler that fails, record a bounded number of events", async () => {
  await using place = memoryScene();
  const errors: unknown[] = [];
  const app = await place.start({ logger: { ...quiet, error: (fields) => errors.push(fields) } });
  app.onEvent("*", away);
  const consumers = ["a", "b"].map((name) => app.consumer(name, { retry: { attempts: 3, baseMs: 0 } }, away));
  for (let n = 0; n < 20; n++) await app.emitEvent("n", { n });
  // What they record about the 20 is dead, too, once they are through all of it.
  for (const consumer of consumers) await when(consumer, ({ lag, deadLetters }) => lag === 0 && deadLetters >= 20 * 6);
  const { events } = await app.getEvents({ after: "earliest", limit: 1_000 });
  const count = (type: string): number => events.filter((event) => event.type === type).length;
  expect([count("n"), count("handler.failed"), count("consumer.retrying"), count("consumer.dead_lettered")]).toEqual([20, 20, 40, 40]);
  expect(events).toHaveLength(120);
  expect(errors.length).toBeGreaterThan(0);
});

test("[consumer.5] a handler of consumer.* that fails records nothing", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const { promise, resolve } = Promise.withResolvers<void>();
  app.onEvent("consumer.*", (event) => {
    if (event.type === "consumer.dead_lettered") resolve();
    throw new Error("no");
  });
  app.consumer("c", { type: "n", retry: { attempts: 2, baseMs: 0 } }, away);
  await app.emitEvent("n", {});
  await promise;
  await app.settled();
  expect(await told(app, "handler.failed")).toEqual([]);
});
