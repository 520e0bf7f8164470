import { defineWorkflow, type Nexus, type NexusEvent, type Sink } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { memoryScene, STORES } from "../workflows/scene.ts";
import { collector } from "./collector.ts";
import { when } from "./when.ts";

const numbers = (count: number, from = 0): number[] => Array.from({ length: count }, (_, n) => from + n);

async function emit(app: Nexus, count: number, from = 0): Promise<void> {
  await Promise.all(numbers(count, from).map((n) => app.emitEvent("n", { n })));
}

describe.each(STORES)("on %s", (_name, open) => {
  test("[consumer.1] a consumer gets each matching event in log order, and after a stop goes on with the next", async () => {
    await using place = await open();
    const { deliver, reach, got } = collector();
    const app = await place.start({}, (it) => it.consumer("c", { type: "n" }, deliver));
    await emit(app, 300);
    await app.emitEvent("other", { n: -1 });
    await reach(300);
    await app.stop();
    const again = await place.start({}, (it) => it.consumer("c", { type: "n" }, deliver));
    await emit(again, 300, 300);
    await reach(600);
    expect(got).toEqual(numbers(600));
  });

  test("[consumer.1] after a crash it goes on where it was at the latest: nothing is skipped, and the first time of each is in order", async () => {
    await using place = await open();
    const { deliver, got, until } = collector();
    const name = (it: Nexus): unknown => it.consumer("c", { type: "n", from: "earliest" }, deliver);
    for (let life = 0; life < 5; life++) {
      const app = await place.start({}, name);
      await emit(app, 200, 200 * life);
      await place.crash();
    }
    const app = await place.start({}, name);
    await emit(app, 1, 1_000);
    await until(1_000);
    expect([...new Set(got)]).toEqual(numbers(1_001));
  });

  test("[consumer.1] what was recorded while no process named it is delivered when one does again", async () => {
    await using place = await open();
    const { deliver, reach } = collector();
    await place.start({}, (it) => it.consumer("c", { type: "n" }, deliver));
    await emit(await place.start(), 5);
    await place.start({}, (it) => it.consumer("c", { type: "n" }, deliver));
    expect(await reach(5)).toEqual(numbers(5));
  });

  test("[consumer.1] a name never seen before begins at `from`, and keeps that place although it was never at work", async () => {
    await using place = await open();
    await emit(await place.start(), 3);
    const all = collector();
    const late = collector();
    const name = (it: Nexus): void => {
      it.consumer("all", { type: "n", from: "earliest" }, all.deliver);
      it.consumer("late", { type: "n" }, late.deliver);
    };
    await place.start({}, name);
    await place.crash();
    await emit(await place.start(), 3, 3);
    await place.start({}, name);
    await all.until(5);
    expect([...new Set(all.got)]).toEqual(numbers(6));
    expect(await late.reach(3)).toEqual(numbers(3, 3));
  });

  test("[consumer.1] a changed filter holds from where it is on", async () => {
    await using place = await open();
    const first = collector(({ type }) => type);
    const app = await place.start({}, (it) => it.consumer("c", { type: "a" }, first.deliver));
    for (const type of ["a", "b", "a"]) await app.emitEvent(type, {});
    await first.reach(2);
    await app.stop();
    const second = collector(({ type }) => type);
    const again = await place.start({}, (it) => it.consumer("c", { type: "b" }, second.deliver));
    for (const type of ["a", "b"]) await again.emitEvent(type, {});
    expect(await second.reach(1)).toEqual(["b"]);
  });
});

test("[consumer.1] a consumer that is named while the app runs takes its place at that call", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("n", { n: -1 });
  const { deliver, reach } = collector();
  app.consumer("c", { type: "n" }, deliver);
  const emitted = emit(app, 3);
  expect(await reach(3)).toEqual(numbers(3));
  await emitted;
});

test("[consumer.1] an event is not tried before the one before it is delivered", async () => {
  await using place = memoryScene();
  const gates = numbers(3).map(() => Promise.withResolvers<void>());
  const { deliver, reach, got } = collector(undefined, ({ data }) => gates[data.n]?.promise);
  const app = await place.start({}, (it) => it.consumer("c", { type: "n" }, deliver));
  const other = collector();
  app.consumer("quick", { type: "n" }, other.deliver);
  await emit(app, 3);
  await other.reach(3);
  for (const n of numbers(3)) {
    expect(await reach(n + 1)).toEqual(numbers(n + 1));
    gates[n]?.resolve();
  }
  expect(got).toHaveLength(3);
});

test("[consumer.1] with `concurrency` events of one run, else of one session, keep their order; others do not wait for them", async () => {
  await using place = memoryScene();
  const work = defineWorkflow("work", async (_inputs, ctx) => {
    for (const n of [0, 1, 2]) await ctx.emitEvent("n", { n, of: "run" });
  });
  const gate = Promise.withResolvers<void>();
  const under = { now: 0, most: 0 };
  const { deliver, reach, got } = collector(
    ({ data }) => `${data.of} ${data.n}`,
    async ({ data }) => {
      under.now += 1;
      under.most = Math.max(under.most, under.now);
      if (data.n === 0 && data.of !== "alone") await gate.promise;
      under.now -= 1;
    },
  );
  const app = await place.start({ workflows: [work] }, (it) => it.consumer("c", { type: "n", concurrency: 3 }, deliver));
  await app.execute(work);
  for (const n of [0, 1]) await app.emitEvent("n", { n, of: "session" }, { sessionId: "s1" });
  for (const n of [0, 1, 2]) await app.emitEvent("n", { n, of: "alone" });
  expect((await reach(5)).toSorted()).toEqual(["alone 0", "alone 1", "alone 2", "run 0", "session 0"]);
  gate.resolve();
  await reach(8);
  const of = (name: string): string[] => got.filter((each) => each.startsWith(name));
  expect([of("run"), of("session")]).toEqual([
    ["run 0", "run 1", "run 2"],
    ["session 0", "session 1"],
  ]);
  expect(under.most).toBe(3);
});

test("[consumer.1] with `concurrency` the cursor follows the oldest that is not through", async () => {
  await using place = memoryScene();
  const gate = Promise.withResolvers<void>();
  const { deliver, reach } = collector(undefined, ({ data }) => (data.n === 0 ? gate.promise : undefined));
  const app = await place.start();
  const before = await app.emitEvent("before", {});
  const consumer = app.consumer("c", { type: "n", concurrency: 4 }, deliver);
  await emit(app, 10);
  await reach(10);
  expect(await consumer.status()).toMatchObject({ cursor: before.cursor, lag: 10 });
  gate.resolve();
  expect((await when(consumer, ({ lag }) => lag === 0)).totals.delivered).toBe(10);
});

test("[consumer.1] with `concurrency` a consumer goes about a thousand events past one that is not through, then waits for it", async () => {
  await using place = memoryScene();
  const gate = Promise.withResolvers<void>();
  const { deliver, reach, got } = collector(undefined, ({ data }) => (data.n === 0 ? gate.promise : undefined));
  const app = await place.start();
  const consumer = app.consumer("c", { type: "n", concurrency: 2 }, deliver);
  const witness = collector();
  app.consumer("witness", { type: "n" }, witness.deliver);
  await emit(app, 3_000);
  await reach(1_000);
  await witness.reach(3_000);
  await consumer.status();
  expect(got.length).toBeLessThan(1_200);
  gate.resolve();
  await reach(3_000);
  expect(got.toSorted((a, b) => a - b)).toEqual(numbers(3_000));
});

test("[consumer.4] each delivery carries the consumer's name, its try, and a key that is the same on every try", async () => {
  await using place = memoryScene();
  const { deliver, reach } = collector(
    (_event, { consumer, attempt, idempotencyKey }) => [consumer, attempt, idempotencyKey],
    (_event, { attempt }) => {
      if (attempt < 3) throw new Error("not yet");
    },
  );
  const app = await place.start({}, (it) => it.consumer("c", { type: "n", retry: { baseMs: 0 } }, deliver));
  const { id } = await app.emitEvent("n", {}, { id: "order-7" });
  expect(await reach(3)).toEqual([1, 2, 3].map((attempt) => ["c", attempt, `c/${id}`]));
});

test("[event.11] what is emitted in a delivery inherits from the event, which is its cause", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.consumer("c", { type: "n" }, async () => {
    await app.emitEvent("caused", {});
  });
  const caused = app.waitForEvent("caused");
  const { id } = await app.emitEvent("n", {}, { userId: "ann", sessionId: "s1", correlationId: "c1" });
  expect(await caused).toMatchObject({ causationId: id, userId: "ann", sessionId: "s1", correlationId: "c1", channel: "app" });
});

test("a sink is called as a method of its own, and closed once when the app stops, however many consumers share it", async () => {
  await using place = memoryScene();
  class Post implements Sink {
    readonly name = "post";
    readonly got: NexusEvent[] = [];
    closed = 0;
    deliver = (event: NexusEvent): void => void this.got.push(event);
    close = async (): Promise<void> => void (this.closed += 1);
  }
  const post = new Post();
  const app = await place.start({}, (it) => {
    it.consumer("a", { type: "n" }, post);
    it.consumer("b", { type: "n" }, post);
  });
  const consumer = app.consumer("c", { type: "never" }, post);
  expect((await consumer.status()).sink).toBe("post");
  await emit(app, 1);
  await expect.poll(() => post.got.length).toBe(2);
  await app.stop();
  await app.stop();
  expect(post.closed).toBe(1);
});

test("a second consumer of a name is refused at once", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.consumer("c", {}, () => {});
  expect(() => app.consumer("c", {}, () => {})).toThrow(expect.objectContaining({ code: "CONSUMER_EXISTS" }));
});

test.each([
  ["a/b", {}, "NAME_INVALID"],
  ["", {}, "NAME_INVALID"],
  ["..", {}, "NAME_INVALID"],
  ["ünï", {}, "NAME_INVALID"],
  ["c", { chanel: "api" }, "OPTION_INVALID"],
  ["c", { since: 1 }, "FILTER_INVALID"],
  ["c", { type: "a b" }, "FILTER_INVALID"],
  ["c", { concurrency: 0 }, "OPTION_INVALID"],
  ["c", { concurrency: 101 }, "OPTION_INVALID"],
  ["c", { timeoutMs: 0.5 }, "OPTION_INVALID"],
  ["c", { onDeadLetter: "halt" }, "OPTION_INVALID"],
  ["c", { from: 7 }, "OPTION_INVALID"],
  ["c", { retry: { attempts: 0 } }, "OPTION_INVALID"],
  ["c", { retry: { tries: 3 } }, "OPTION_INVALID"],
])("a consumer %j with %j is refused at once: %s", async (name, options, code) => {
  await using place = memoryScene();
  const app = await place.start();
  expect(() => app.consumer(name, options as never, () => {})).toThrow(expect.objectContaining({ code }));
  expect(() => app.consumer("c", {}, {} as never)).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
});

test("a start whose consumer has no place to begin fails, and is rolled back", async () => {
  await using place = memoryScene();
  const foreign = (it: Nexus): unknown => it.consumer("c", { from: "aaaaaaaaaa.7" }, () => {});
  await expect(place.start({}, foreign)).rejects.toMatchObject({ code: "CURSOR_UNKNOWN" });
  const app = await place.start();
  expect((await app.getEvents()).events).toBeDefined();
});
