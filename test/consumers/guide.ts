import { defineEvent, FatalError, Nexus, RetryAfter } from "nexus-event-system";
import { z } from "zod";

const OrderPaid = defineEvent("order.paid", { schema: z.object({ orderId: z.int(), amount: z.number() }) });
const app = new Nexus({ events: [OrderPaid] });

const billing = app.consumer("billing", { type: OrderPaid, from: "earliest" }, async (event, { idempotencyKey, signal }) => {
  const answer = await fetch("http://127.0.0.1:9099/invoices", {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
    body: JSON.stringify(event.data),
    signal,
  });
  if (answer.status === 429) throw new RetryAfter(Number(answer.headers.get("retry-after")) * 1_000);
  if (answer.status === 422) throw new FatalError(await answer.text());
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
});

export { app, billing };
