import { setImmediate } from "node:timers/promises";
import type { Consumer, ConsumerStatus } from "nexus-event-system";

/** Resolves to the consumer's status once that is as wanted. */
export async function when(consumer: Consumer, holds: (status: ConsumerStatus) => boolean): Promise<ConsumerStatus> {
  for (;;) {
    const status = await consumer.status();
    if (holds(status)) return status;
    await setImmediate();
  }
}
