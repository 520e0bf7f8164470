import express from "express";
import { Webhook } from "standardwebhooks";

interface OrderEvent {
  id: string;
  type: string;
  time: string;
  data: { orderId: number };
}

const webhooks = new Webhook(process.env["BILLING_SECRET"] as string);
const done = new Set<string>(); // In earnest a table with a unique key, written in the transaction that does the work.
export const orders: number[] = [];

export const receiver = express();
// The body as it came: parsed and written again it would not verify.
receiver.post("/nexus", express.raw({ type: "application/cloudevents+json", limit: "2mb" }), (request, response) => {
  let event: OrderEvent;
  try {
    event = webhooks.verify(request.body, request.headers as Record<string, string>) as OrderEvent;
  } catch {
    response.sendStatus(401);
    return;
  }
  const id = request.get("webhook-id") as string;
  if (!done.has(id)) {
    done.add(id);
    orders.push(event.data.orderId);
  }
  response.sendStatus(204);
});
