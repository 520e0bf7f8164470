import { defineEvent, defineWorkflow, Nexus } from "nexus-event-system";
import { testApp } from "nexus-event-system/testing";
import { expect, test } from "vitest";

const DAY = 24 * 3_600_000;
const Paid = defineEvent("order.paid", { schema: { orderId: "integer" } });
const charges: number[] = [];
const order = defineWorkflow("order", { inputs: { orderId: "integer" } }, async ({ orderId }, ctx) => {
  await ctx.step("charge", () => void charges.push(orderId));
  const paid = await ctx.waitForEvent(Paid, { match: { orderId }, timeoutMs: 14 * DAY });
  return paid === undefined ? "given up" : "paid";
});

test("an order that nobody pays is given up after two weeks, and charged once whatever happens", async () => {
  await using t = await testApp((setup) => new Nexus({ ...setup, events: [Paid], workflows: [order] }));
  const run = await t.app.startRun("order", { orderId: 7 });
  await t.settled();

  await t.crash();
  await t.clock.advance(14 * DAY);

  expect((await t.app.runs.get(run.runId)).result).toBe("given up");
  expect(charges).toEqual([7]);
  expect((await t.events()).map(({ type }) => type)).toContain("workflow.resumed");
});
