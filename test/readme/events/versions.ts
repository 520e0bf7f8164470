import type { Nexus } from "nexus-event-system";
import { z } from "zod";

export function addTax(app: Nexus): void {
  app.registerEventType("order.paid", {
    version: 2,
    schema: z.object({ orderId: z.int(), currency: z.string().default("EUR"), taxCents: z.int() }),
  });
}
