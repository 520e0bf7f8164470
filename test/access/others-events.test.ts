import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineWorkflow, sqliteStore } from "nexus-event-system";
import { expect, test } from "vitest";
import { guarded } from "./fixtures/people.ts";

const gate = defineWorkflow("gate", { inputs: { id: "string" } }, async ({ id }, ctx) => {
  const paid = await ctx.waitForEvent("order.paid", { match: { id } });
  await ctx.waitForEvent("go");
  return { by: paid?.userId === undefined ? "nobody" : "somebody", amount: (paid?.data as { amount: number } | undefined)?.amount };
});

test("[access.2] what a run waited for is not shown to its owner where it is another's; its code has it, also after a restart", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-gate-"));
  const options = { workflows: [gate], events: [] };
  let runId = "";
  try {
    {
      await using site = await guarded({ ...options, store: sqliteStore(join(folder, "x.db")) });
      const [ann, bob] = [site.as("ann"), site.as("bob")];
      ({ runId } = (await ann.post("/workflows/gate/execute?waitMs=0", { inputs: { id: "order-99" } })).body);
      await bob.post("/events", { type: "order.paid", data: { id: "order-99", amount: 7, secret: "of-bob" }, id: "bobs-own" });
      await site.app.waitForEvent("step.completed", { runId, after: "earliest", timeoutMs: 20_000 });
      for (const path of [`/runs/${runId}`, `/runs/${runId}/events`, "/events?type=step.completed&limit=1000"]) {
        const { text } = await ann.ask("GET", path);
        expect(text).toContain(runId);
        expect(text).not.toMatch(/of-bob|bobs-own|"bob"/);
      }
    }
    await using site = await guarded({ ...options, store: sqliteStore(join(folder, "x.db")) });
    await site.as("ann").post("/events", { type: "go", data: {} });
    const end = await site.app.waitForEvent("workflow.completed", { runId, after: "earliest", timeoutMs: 20_000 });
    expect((end as { result?: unknown } | undefined)?.result).toEqual({ by: "somebody", amount: 7 });
    // What is her own, or everyone's, is shown as ever.
    const { text } = await site.as("ann").ask("GET", `/runs/${runId}/events`);
    expect(text).toMatch(/"result":\{"id":"[^}]*"type":"go"/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
