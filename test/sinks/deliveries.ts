import { type Delivery, defineWorkflow, FatalError, type Nexus, type NexusEvent, RetryAfter, type Sink } from "nexus-event-system";
import { eventsOf, quiet } from "../workflows/scene.ts";

/** A delivery as a consumer makes it. */
export function deliveryOf(event: NexusEvent, given: Partial<Delivery> = {}): Delivery {
  const { consumer = "hooks", attempt = 1, signal = new AbortController().signal, log = quiet } = given;
  return { consumer, attempt, idempotencyKey: `${consumer}/${event.id}`, signal, log };
}

/** Events of a type that an app has recorded, with this data. */
export async function recorded(app: Nexus, data: readonly unknown[], type = "order.paid"): Promise<readonly NexusEvent[]> {
  for (const one of data) await app.emitEvent(type, one as object);
  return (await app.getEvents({ type, limit: 1000 })).events as readonly NexusEvent[];
}

/** The events of one run that ends so. */
export async function runEvents(
  app: Nexus,
  end: "completed" | "failed" | "cancelled",
  name = "import",
): Promise<readonly NexusEvent<string, any>[]> {
  const started = Promise.withResolvers<void>();
  app.register(
    defineWorkflow(name, async (_inputs, ctx) => {
      if (end === "failed") throw new Error("line 3 is <bad> & \u0000 worse");
      if (end === "cancelled") {
        started.resolve();
        await ctx.waitForEvent("never");
      }
      return { rows: 3 };
    }),
  );
  const run = await app.startRun(name, { file: "a.csv" }, { userId: "ann", sessionId: "s-1" });
  if (end === "cancelled") {
    await started.promise;
    await run.cancel("not wanted");
  }
  await run.result().catch(() => {});
  app.unregister(name);
  return (await eventsOf(app, run.runId)) as readonly NexusEvent<string, any>[];
}

/** How a delivery ended: "delivered", "retried", "retried after N", "dead", and with what words. */
export async function outcome(
  sink: Sink<any>,
  event: NexusEvent,
  given: Partial<Delivery> = {},
): Promise<readonly [what: string, words?: string]> {
  try {
    await sink.deliver(event, deliveryOf(event, given));
    return ["delivered"];
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof FatalError) return ["dead", message];
    if (error instanceof RetryAfter) return [`retried after ${error.ms}`, message];
    return ["retried", message];
  }
}
