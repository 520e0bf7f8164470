import { defineEvent, defineWorkflow } from "nexus-event-system";

export const OrderShipped = defineEvent("order.shipped", { schema: { orderId: "string", parcels: "integer" } });

export const shipOrder = defineWorkflow(
  "ship-order",
  { description: "Packs an order and sends it off.", inputs: { orderId: "string", items: "integer?" } },
  async ({ orderId, items = 1 }, ctx) => {
    // A step's result is recorded: it never runs again, whatever happens to this process.
    const parcels = await ctx.step("pack", () => Math.ceil(items / 3));
    ctx.progress(50, "packed");
    await ctx.sleep(2_000);
    await ctx.emitEvent(OrderShipped, { orderId, parcels });
    return { parcels };
  },
);
