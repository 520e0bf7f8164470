import { defineEvent, defineWorkflow } from "nexus-event-system";
import { z } from "zod";

export const ParcelSent = defineEvent("parcel.sent", { schema: z.object({ weightGrams: z.int() }) });
export const ship = defineWorkflow("ship", { inputs: z.object({ parcelId: z.string() }) }, async (inputs) => inputs.parcelId);
export const refund = defineWorkflow("refund", () => 1);
export function helper(): number {
  return 1;
}
export class Warehouse {
  name = "north";
  version = 1;
}
export const RATE = 0.19;
