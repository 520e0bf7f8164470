// The app that the pages on sinks speak of.
import { defineEvent, defineWorkflow, memoryStore, Nexus } from "nexus-event-system";
import { quiet } from "../../workflows/scene.ts";

const OrderPaid = defineEvent("order.paid", { schema: { orderId: "integer" } });
const importOrders = defineWorkflow("import-orders", ({ file }) => {
  if (file === "bad.csv") throw new Error("line 3 is bad");
  return { rows: 3 };
});

export default new Nexus({ store: memoryStore(), logger: quiet, events: [OrderPaid], workflows: [importOrders] });
