import { defineEvent, jsonSchema } from "nexus-event-system";
import { z } from "zod";

// A Standard Schema: Zod, Valibot, ArkType. Defaults are filled in before the event is recorded.
export const OrderPaid = defineEvent("order.paid", {
  description: "An order was paid",
  schema: z.object({ orderId: z.int(), currency: z.string().default("EUR") }),
});

// The shorthand: a field and its type, with ? if it may be absent. Further fields are allowed.
export const DataProcessed = defineEvent("DATA_PROCESSED", {
  schema: { records_processed: "integer", duration: "float", errors: "array", note: "string?" },
});

// JSON Schema 2020-12; the type is your word for what it admits.
export const ParcelWeighed = defineEvent("parcel.weighed", {
  schema: jsonSchema<{ grams: number }>({ type: "object", properties: { grams: { type: "integer", minimum: 1 } }, required: ["grams"] }),
});

// No schema: any JSON.
export const Noted = defineEvent("noted");
