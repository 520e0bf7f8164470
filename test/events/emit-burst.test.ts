import { defineWorkflow, NexusError } from "nexus-event-system";
import { expect, test } from "vitest";
import { STORES } from "../workflows/scene.ts";

const [, sqlite] = STORES[1] as (typeof STORES)[number];

// Nothing is awaited in between: the callers that are refused are many times those that may wait.
test("[log.8] of far more un-awaited emits than may wait those beyond reject with OVERLOADED, retryable; every promise settles, and memory stays bounded", async () => {
  await using place = await sqlite();
  const app = await place.start();
  const payload = { text: "x".repeat(750) };
  const before = process.memoryUsage.rss();
  let [recorded, refused, others] = [0, 0, 0];
  const settled: Promise<void>[] = [];
  for (let n = 0; n < 100_000; n++) {
    const emitted = app.emitEvent("n", payload).then(
      () => void recorded++,
      (error: unknown) => void (NexusError.is(error, "OVERLOADED") && error.retryable ? refused++ : others++),
    );
    settled.push(emitted);
  }
  await Promise.all(settled);
  expect([recorded + refused, others]).toEqual([100_000, 0]);
  // About 32 MiB of events of some 1,000 bytes each.
  expect(recorded).toBeGreaterThan(25_000);
  expect(recorded).toBeLessThan(60_000);
  expect(process.memoryUsage.rss() - before).toBeLessThan(1024 * 1024 * 1024);
  await app.emitEvent("n", "and then it takes more");
}, 60_000);

test("[log.8] events of a run that goes on are not refused while others are", async () => {
  await using place = await sqlite();
  const large = "x".repeat(250_000);
  const full = Promise.withResolvers<void>();
  const workflow = defineWorkflow("w", async (_inputs, ctx) => {
    await full.promise;
    await ctx.emitEvent("inside", large);
    return await ctx.step("a", () => "recorded");
  });
  const app = await place.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  let refused = 0;
  const emits = Array.from({ length: 200 }, () => app.emitEvent("n", large).catch(() => void refused++));
  full.resolve();
  expect(await run.result()).toBe("recorded");
  await Promise.all(emits);
  expect(refused).toBeGreaterThan(0);
});
