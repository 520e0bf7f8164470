import { NexusError } from "../errors.ts";
import type { NexusEvent } from "../events/event.ts";
import { type Clock, NEEDLESS } from "../observability/clock.ts";
import type { Delivery } from "../sinks/sink.ts";
import type { ConsumerPlan } from "./consumer-options.ts";
import type { ConsumerServices } from "./consumer-services.ts";

/** What a try has thrown. */
export interface Failure {
  readonly thrown: unknown;
}

/**
 * One try to deliver an event; after the consumer's `timeoutMs` its signal aborts, and it has failed with DELIVERY_TIMEOUT.
 *
 * @returns `undefined` when it is delivered.
 * @throws the reason with which someone else aborted it.
 */
export async function attemptDelivery(
  services: ConsumerServices,
  { name, sink, timeoutMs }: ConsumerPlan,
  event: NexusEvent,
  attempt: number,
  abort: AbortController,
): Promise<Failure | undefined> {
  const { clock, logger } = services;
  const { signal } = abort;
  const delivery: Delivery = { consumer: name, attempt, idempotencyKey: `${name}/${event.id}`, signal, log: logger };
  return await attempted(() => services.within(event, () => sink.deliver(event as never, delivery)), abort, clock, timeoutMs);
}

/**
 * One try of what is no consumer's; after `timeoutMs` its signal aborts, and it has failed with DELIVERY_TIMEOUT.
 *
 * @returns `undefined` when it went well.
 * @throws the signal's reason.
 */
export async function attemptWithin(
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<unknown>,
): Promise<Failure | undefined> {
  signal.throwIfAborted();
  const abort = new AbortController();
  const end = (): void => abort.abort(signal.reason);
  signal.addEventListener("abort", end, { once: true });
  try {
    return await attempted(() => call(abort.signal), abort, clock, timeoutMs);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

async function attempted(call: () => unknown, abort: AbortController, clock: Clock, timeoutMs: number): Promise<Failure | undefined> {
  let returned: unknown;
  try {
    returned = call();
  } catch (thrown) {
    return { thrown };
  }
  // What is done at once needs no timer.
  if (typeof (returned as PromiseLike<unknown> | null | undefined)?.then !== "function") return undefined;
  const done = new AbortController();
  let timedOut: NexusError | undefined;
  clock.sleep(timeoutMs, done.signal).then(
    () => {
      timedOut = new NexusError("DELIVERY_TIMEOUT", { timeoutMs });
      abort.abort(timedOut);
    },
    () => {}, // It has ended in time.
  );
  const { signal } = abort;
  const aborted = new Promise<never>((_resolve, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
  );
  try {
    await Promise.race([returned, aborted]);
    // Also what ends well because it was told to end is not done.
    signal.throwIfAborted();
    return undefined;
  } catch (thrown) {
    if (timedOut !== undefined) return { thrown: timedOut };
    signal.throwIfAborted();
    return { thrown };
  } finally {
    done.abort(NEEDLESS);
  }
}
