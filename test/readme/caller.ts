import { NexusError } from "nexus-event-system";
import app from "./orders.ts";

export async function place(order: number, card: string): Promise<string> {
  const run = await app.startRun("order", { order, card }, { idempotencyKey: `order-${order}` });
  try {
    const { parcel } = await run.result();
    return `parcel ${parcel}`;
  } catch (error) {
    if (NexusError.is(error, "WORKFLOW_FAILED"))
      return `failed in ${error.details.error.step ?? "its code"}: ${error.details.error.message}`;
    if (NexusError.is(error, "RUN_CANCELLED")) return `cancelled: ${error.details.reason ?? "no reason given"}`;
    throw error;
  }
}
