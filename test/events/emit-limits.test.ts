import { defineWorkflow, NexusError } from "nexus-event-system";
import { expect, test } from "vitest";
import { eventsOf, failure, memoryScene } from "../workflows/scene.ts";

const KIB = 1024;
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
const cycle: { self?: unknown } = {};
cycle.self = { again: cycle };

/** A text whose JSON has just so many bytes, most of them in characters of three. */
function jsonOf(bytes: number): string {
  const wide = "€".repeat(Math.floor((bytes - 2) / 3));
  return wide + "x".repeat(bytes - 2 - wide.length * 3);
}

test.each([
  ["a function", { a: [{ b: () => 1 }] }, "data.a.0.b"],
  ["a symbol", { s: Symbol("s") }, "data.s"],
  ["a BigInt", { n: 1n }, "data.n"],
  ["NaN", { n: Number.NaN }, "data.n"],
  ["Infinity", [Number.POSITIVE_INFINITY], "data.0"],
  ["a lone surrogate", { text: "\ud800" }, "data.text"],
  ["a cycle", cycle, "data.self.again"],
  ["a Date", { at: new Date(0) }, "data.at"],
  ["a hole", { list: [1, undefined] }, "data.list.1"],
  ["nothing", undefined, "data"],
])("[event.7] %s is refused with its path, and nothing is recorded", async (_what, data, path) => {
  await using place = memoryScene();
  const app = await place.start();
  const error: unknown = await app.emitEvent("n", data as never).catch((thrown: unknown) => thrown);
  expect(NexusError.is(error, "EVENT_INVALID") && error.details.faults.map((fault) => fault.path)).toEqual([path]);
  expect((await app.getEvents()).events).toEqual([]);
});

test("[event.7] data may be nested 64 deep, and no deeper", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("n", nested(64) as never);
  await expect(app.emitEvent("n", nested(65) as never)).rejects.toMatchObject({
    code: "EVENT_INVALID",
    details: { faults: [{ message: "is nested too deep" }] },
  });
});

test("[event.7] data has 256 KiB of UTF-8 JSON at most, and the error says how many it had", async () => {
  await using place = memoryScene();
  const app = await place.start();
  await app.emitEvent("n", jsonOf(256 * KIB));
  await expect(app.emitEvent("n", jsonOf(256 * KIB + 1))).rejects.toMatchObject({
    code: "EVENT_TOO_LARGE",
    details: { bytes: 256 * KIB + 1, limit: 256 * KIB },
  });
});

test("[event.7] metadata has 16 KiB at most, of an event as of a run", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => 1);
  const app = await place.start({ workflows: [workflow] });
  const exact = { m: jsonOf(16 * KIB - 6) };
  const tooLarge = { m: jsonOf(16 * KIB - 5) };
  await app.emitEvent("n", {}, { metadata: exact });
  await app.execute(workflow, {}, { metadata: exact });
  expect(await failure(app.emitEvent("n", {}, { metadata: tooLarge }))).toBe("EVENT_TOO_LARGE");
  expect(await failure(app.execute(workflow, {}, { metadata: tooLarge }))).toBe("EVENT_TOO_LARGE");
});

test("[event.7] inputs have 256 KiB at most; beyond that there is no run", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", ({ text }) => (text as string).length);
  const app = await place.start({ workflows: [workflow] });
  await app.execute(workflow, { text: jsonOf(256 * KIB - 9) });
  expect(await failure(app.execute(workflow, { text: jsonOf(256 * KIB - 8) }))).toBe("EVENT_TOO_LARGE");
  expect((await app.runs.list()).runs).toHaveLength(1);
});

test("[event.7] inputs that are not JSON are refused with their path; there is no run", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => 1);
  const app = await place.start({ workflows: [workflow] });
  await expect(app.execute(workflow, { a: { f: () => 1 } } as never)).rejects.toMatchObject({
    code: "INPUT_INVALID",
    details: { faults: [{ path: "a.f" }] },
  });
  expect((await app.runs.list()).runs).toEqual([]);
});

test("[event.7] a run of 255 KiB of inputs that fails with a huge error is recorded: the error is cut at the end, and says so", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => {
    throw Object.assign(new Error(`begins so ${"\u0001€".repeat(50_000)}`), { name: "N".repeat(100_000) });
  });
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow, { text: jsonOf(255 * KIB) });
  await failure(run.result());
  const { error, inputs } = (await eventsOf(app, run.runId)).at(-1)?.data ?? {};
  expect(error).toMatchObject({ truncated: true, message: expect.stringMatching(/^begins so /) });
  expect(Buffer.byteLength(JSON.stringify(error))).toBeLessThanOrEqual(32 * KIB);
  expect(Buffer.byteLength(JSON.stringify(error))).toBeGreaterThan(31 * KIB);
  expect(inputs.text.length).toBeGreaterThan(80_000);
});

test("[event.7] an error that fits is recorded whole", async () => {
  await using place = memoryScene();
  const workflow = defineWorkflow("w", () => {
    throw new Error("x".repeat(10_000));
  });
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  await failure(run.result());
  const { error } = (await eventsOf(app, run.runId)).at(-1)?.data ?? {};
  expect([error.message.length, "truncated" in error]).toEqual([10_000, false]);
});
