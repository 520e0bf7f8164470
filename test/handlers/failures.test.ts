import { NexusError } from "nexus-event-system";
import { expect, test } from "vitest";
import { memoryScene, quiet, seen } from "../workflows/scene.ts";
import { testClock } from "../workflows/test-clock.ts";

test("[handler.2] a handler that throws or rejects stops neither the others nor the emitter", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const got: unknown[] = [];
  app.onEvent("n", () => {
    throw new Error("thrown");
  });
  app.onEvent("n", () => Promise.reject(new Error("rejected")));
  app.onEvent("n", ({ data }) => got.push(data));
  for (let n = 0; n < 3; n++) await app.emitEvent("n", n);
  await app.settled();
  expect(got).toEqual([0, 1, 2]);
});

test("[handler.2] a failed call becomes handler.failed, which names the event, the error, and what led there", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.onEvent("n", () => {
    throw Object.assign(new TypeError("no"), { code: "E_NO" });
  });
  const receipt = await app.emitEvent("n", {}, { userId: "ann", correlationId: "c1" });
  expect(await seen(app, "handler.failed")).toMatchObject({
    data: { eventId: receipt.id, error: { name: "TypeError", message: "no", code: "E_NO" } },
    causationId: receipt.id,
    correlationId: "c1",
    userId: "ann",
    visibility: "operators",
  });
});

test.each([
  ["a text", "just text", "just text"],
  ["nothing", undefined, "undefined"],
  ["an object", { a: 1 }, '{"a":1}'],
])("[handler.2] also %s that is thrown is told", async (_what, thrown, message) => {
  await using place = memoryScene();
  const app = await place.start();
  app.onEvent("n", () => {
    throw thrown as unknown as Error;
  });
  await app.emitEvent("n", {});
  expect((await seen(app, "handler.failed")).data.error.message).toBe(message);
});

test("[handler.2] what cannot even be described does not bring down the process", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const cycle = Object.assign(Object.create(null) as object, { self: {} });
  cycle.self = cycle;
  app.onEvent("n", () => {
    throw cycle as unknown as Error;
  });
  await app.emitEvent("n", {});
  expect((await seen(app, "handler.failed")).data.error.message).toContain("cannot be described");
});

function broken(): never {
  throw new Error("no then");
}

test.each<[string, PropertyDescriptor]>([
  ["whose then throws", { value: broken }],
  ["whose then cannot be asked for", { get: broken }],
])("[handler.2] a handler that returns an object %s has failed, and its place is free", async (_which, then) => {
  await using place = memoryScene();
  const app = await place.start();
  // oxlint-disable-next-line unicorn/no-thenable -- just such an object
  app.onEvent("n", () => Object.defineProperties({}, { then }));
  for (let n = 0; n < 20; n++) await app.emitEvent("n", n);
  await app.settled();
  const { events } = await app.getEvents({ type: "handler.failed", after: "earliest" });
  expect(events.map(({ data }: any) => data.error.message)).toEqual(Array<string>(20).fill("no then"));
});

test("[handler.2] a handler that hangs fails after timeoutMs, its signal aborts, and its place is free", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const app = await place.start({ clock });
  const reasons: unknown[] = [];
  const full = Promise.withResolvers<void>();
  const later = Promise.withResolvers<void>();
  app.onEvent("n", { timeoutMs: 1_234 }, ({ data }, { signal }) => {
    if ((data as number) === 15) full.resolve();
    if ((data as number) === 16) later.resolve();
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    return new Promise(() => {});
  });
  for (let n = 0; n <= 16; n++) await app.emitEvent("n", n);
  await full.promise;
  clock.advance(1_234);
  await later.promise;
  expect((await seen(app, "handler.failed")).data.error.code).toBe("HANDLER_TIMEOUT");
  expect(reasons.every((reason) => NexusError.is(reason, "HANDLER_TIMEOUT"))).toBe(true);
  expect(reasons).toHaveLength(16);
});

test("[handler.2] the time limit is 30 s by default", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const app = await place.start({ clock });
  app.onEvent("n", () => new Promise(() => {}));
  await app.emitEvent("n", {});
  await clock.asleep(30_000);
  clock.advance(30_000);
  expect((await seen(app, "handler.failed")).data.error.code).toBe("HANDLER_TIMEOUT");
});

test("[consumer.5] a handler of handler.failed that fails is logged, and records nothing", async () => {
  await using place = memoryScene();
  const errors: string[] = [];
  const app = await place.start({ logger: { ...quiet, error: (_fields, message) => errors.push(String(message)) } });
  app.onEvent("*", () => {
    throw new Error("always");
  });
  await app.emitEvent("n", {});
  await seen(app, "handler.failed");
  await app.settled();
  expect((await app.getEvents({ type: "handler.failed" })).events).toHaveLength(1);
  expect(errors).toEqual(["a handler failed"]);
});

test("[handler.4] stop() waits for handlers that end before its deadline", async () => {
  await using place = memoryScene();
  const app = await place.start();
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let done = false;
  app.onEvent("n", async () => {
    begun.resolve();
    await gate.promise;
    done = true;
  });
  await app.emitEvent("n", {});
  await begun.promise;
  const stopped = app.stop();
  gate.resolve();
  expect([(await stopped).handlersLeft, done]).toEqual([0, true]);
});

test("[handler.4] at its deadline stop() aborts those that have not ended, and says how many it left", async () => {
  await using place = memoryScene();
  const warnings: object[] = [];
  const app = await place.start({ logger: { ...quiet, warn: (fields) => warnings.push(fields) } });
  const reasons: unknown[] = [];
  const begun = Promise.withResolvers<void>();
  let calls = 0;
  app.onEvent("n", (_event, { signal }) => {
    if (++calls === 3) begun.resolve();
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    return new Promise(() => {});
  });
  for (let n = 0; n < 3; n++) await app.emitEvent("n", n);
  await begun.promise;
  expect((await app.stop({ deadlineMs: 1 })).handlersLeft).toBe(3);
  expect(reasons.map((reason) => NexusError.is(reason, "STOPPING"))).toEqual([true, true, true]);
  expect(warnings).toContainEqual({ handlersLeft: 3 });
});

test("[handler.2] a burst of 10,000 events with a handler that hangs on each disturbs neither emitters nor other handlers", async () => {
  await using place = memoryScene();
  const app = await place.start();
  let hanging = 0;
  app.onEvent("n", () => {
    hanging += 1;
    return new Promise(() => {});
  });
  let last = -1;
  let inOrder = true;
  const through = Promise.withResolvers<void>();
  app.onEvent("n", ({ data }) => {
    inOrder &&= (data as number) === last + 1;
    last = data as number;
    if (last === 9_999) through.resolve();
  });
  await Promise.all(Array.from({ length: 10_000 }, (_, n) => app.emitEvent("n", n)));
  await through.promise;
  expect([hanging, inOrder]).toEqual([16, true]);
  await app.stop({ deadlineMs: 0 });
});
