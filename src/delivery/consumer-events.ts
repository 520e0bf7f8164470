import { createHash } from "node:crypto";
import { NexusError } from "../errors.ts";
import type { BuiltInData } from "../events/built-in.ts";
import { contextOf, inherited } from "../events/context.ts";
import type { NewEvent, NexusEvent } from "../events/event.ts";
import { idOfDigest } from "../events/id.ts";
import { answered } from "../observability/answered.ts";
import type { ConsumerServices } from "./consumer-services.ts";

type ConsumerEvent = "consumer.retrying" | "consumer.dead_lettered" | "consumer.lost";

/** Whether what became of an event's delivery or handling is an event itself. No feedback: the failure to deliver a failure is none. */
export function isTold(event: NexusEvent): boolean {
  return event.type !== "handler.failed" && !event.type.startsWith("consumer.");
}

/**
 * Records an event of a consumer, once: its id follows from `about`, so what a crash has interrupted is repeated without a trace. That it could not be recorded is logged.
 *
 * @param about what is told, where it is told once.
 * @param because the event that led there, if one did.
 * @throws APP_STOPPED, the signal's reason
 */
export async function tell<Type extends ConsumerEvent>(
  services: ConsumerServices,
  signal: AbortSignal,
  type: Type,
  data: BuiltInData[Type],
  { about, because }: { readonly about: string; readonly because?: NexusEvent },
): Promise<void> {
  const id = idOfDigest(createHash("sha256").update(`${type}\n${data.consumer}\n${about}`).digest());
  const event: NewEvent = {
    id,
    type,
    channel: because?.channel ?? "app",
    source: services.source,
    ...(because === undefined ? { correlationId: id } : inherited(contextOf(because))),
    visibility: "operators",
    data,
  };
  try {
    await answered(services.clock, signal, () => services.record(event));
  } catch (error) {
    // Told before a crash, perhaps in other words.
    if (NexusError.is(error, "EVENT_ID_CONFLICT")) return;
    if (signal.aborted || NexusError.is(error, "APP_STOPPED")) throw error;
    services.logger.error({ error, type, consumer: data.consumer }, "an event was not recorded");
  }
}
