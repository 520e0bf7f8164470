import { app } from "./app.ts";
import { OrderPaid } from "./definitions.ts";

const { events, cursor } = await app.getEvents({ type: OrderPaid, limit: 10 });
export const paid = events.map(({ data }) => `${data.orderId} ${data.currency}`);

export const next = app.waitForEvent(OrderPaid, { match: { orderId: 9 }, after: cursor, timeoutMs: 30_000 });

export async function follow(): Promise<number> {
  for await (const event of app.subscribe({ type: ["order.paid", "noted"], after: cursor })) {
    if (OrderPaid.is(event)) return event.data.orderId; // typed
  }
  return 0;
}
