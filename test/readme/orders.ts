import { defineEvent, defineWorkflow, FatalError, Nexus, RetryAfter } from "nexus-event-system";
import { z } from "zod";

const OrderPaid = defineEvent("order.paid", { schema: z.object({ order: z.int() }) });

const book = defineWorkflow("book", { inputs: z.object({ order: z.int() }) }, async ({ order }, ctx) => {
  return await ctx.step("book", { timeoutMs: 5_000, retry: { attempts: 5, baseMs: 200 } }, async ({ signal, idempotencyKey }) => {
    const answer = await fetch(`${warehouse()}/parcels/${order}`, {
      method: "PUT",
      signal,
      headers: { "idempotency-key": idempotencyKey },
    });
    if (answer.status === 404) throw new FatalError(`there is no order ${order}`);
    if (answer.status === 429) throw new RetryAfter(1_000 * Number(answer.headers.get("retry-after") ?? 1));
    if (!answer.ok) throw new Error(`the warehouse says ${answer.status}`);
    return await answer.text();
  });
});

const order = defineWorkflow(
  "order",
  {
    inputs: z.object({ order: z.int(), card: z.string() }),
    version: "2",
    timeoutMs: 3 * 24 * 3_600_000,
    concurrency: 50,
  },
  async (inputs, ctx) => {
    const { token } = await ctx.step("authorise", () => authorise(inputs.card));
    const paid = await ctx.waitForEvent(OrderPaid, { match: { order: inputs.order }, timeoutMs: 24 * 3_600_000 });
    if (paid === undefined) throw new Error("not paid in time");
    ctx.progress(50, "paid");
    await ctx.step("charge", ({ idempotencyKey }) => charge(token, idempotencyKey));
    const parcel = await ctx.execute(book, { order: inputs.order });
    await ctx.sleep(100);
    await ctx.emitEvent("order.sent", { order: inputs.order, parcel });
    return { parcel };
  },
);

const report = defineWorkflow("report", async (_inputs, ctx) => await ctx.step("count", () => 17));

const app = new Nexus({
  workflows: [order, book, report],
  events: [OrderPaid],
  redact: ["inputs.card", "result.token"],
});
app.schedule("nightly-report", { workflow: report, cron: "0 3 * * *", timeZone: "Europe/Berlin" });
export default app;

async function authorise(card: string): Promise<{ token: string }> {
  return { token: `for-${card}` };
}
function charge(token: string, idempotencyKey: string): { charged: boolean } {
  return { charged: token !== "" && idempotencyKey !== "" };
}
function warehouse(): string {
  return process.env["WAREHOUSE"] ?? "http://127.0.0.1:9000";
}
