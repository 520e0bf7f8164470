import { defineEvent, Nexus, NexusError } from "nexus-event-system";
import * as events from "./definitions.ts";
import { DataProcessed, OrderPaid } from "./definitions.ts";

export const app = new Nexus({ events, eventTypes: "strict" });

// After the app was made, and also when it is open:
export const RowRejected = app.registerEventType("row.rejected", { schema: { line: "integer", reason: "string" } });
app.registerEventType(defineEvent("audit.login"));

app.onEvent(OrderPaid, ({ data }) => console.log(`order ${data.orderId} paid in ${data.currency}`));
app.onEvent("row.*", ({ type, data }) => console.log(type, data));

await app.emitEvent(OrderPaid, { orderId: 7 }); // recorded with currency: "EUR"
await app.emitEvent("order.paid", { orderId: 8, currency: "USD" }); // by name: the same types
await app.broadcastEvent(DataProcessed, { records_processed: 1000, duration: 5.2, errors: [] });

try {
  await app.emitEvent(RowRejected, { line: 1.5 } as never);
} catch (error) {
  if (NexusError.is(error, "EVENT_INVALID")) console.log(error.details.faults);
  // [{ path: "line", message: "is not an integer" }, { path: "reason", message: "is required" }]
}
