import type { App } from "../app.ts";
import type { EmitOptions, Receipt } from "../events/emitter.ts";
import type { IncomingEvent } from "../events/incoming-event.ts";
import type { Answer } from "./operation.ts";

/**
 * Records CloudEvents: one, which is answered as any other event; or a batch, of which nothing is recorded if any of it cannot be.
 *
 * That an id belongs to another event is known only when it is recorded: then the others are, and the answer is that error.
 */
export async function emitCloudEvents(app: App, given: IncomingEvent | readonly IncomingEvent[]): Promise<Answer> {
  if (!isBatch(given)) {
    const { recorded, receipt } = await emitted(app, given);
    return { status: recorded ? 201 : 200, body: receipt };
  }
  for (const event of given) await within(app, event, (...args) => app.checkEmit(...args));
  const done = (await Promise.allSettled(given.map((event) => emitted(app, event)))).map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
  const receipts = done.map(({ receipt }) => receipt);
  const status = done.some(({ recorded }) => recorded) ? 201 : 200;
  return { status, body: { receipts, cursor: await newest(app, receipts) } };
}

type Told = Pick<Receipt, "id" | "sequence" | "cursor">;

async function emitted(app: App, event: IncomingEvent): Promise<{ readonly recorded: boolean; readonly receipt: Told }> {
  const { recorded, id, sequence, cursor } = await within(app, event, (...args) => app.emit(...args));
  return { recorded, receipt: { id, sequence, cursor } };
}

/** The place after all of them; where there are none, that of now. */
async function newest(app: App, receipts: readonly Told[]): Promise<string> {
  const last = [...receipts].sort((a, b) => b.sequence - a.sequence)[0];
  if (last !== undefined) return last.cursor;
  const { log, feed } = await app.source();
  return await feed.cursorAt((await log.head()).sequence);
}

type EmitArguments = [type: string, data: unknown, options: EmitOptions, broadcast: boolean];

/** What led to the event elsewhere stays what led to it. */
function within<T>(app: App, { input, context }: IncomingEvent, call: (...args: EmitArguments) => T): T {
  const { type, data, broadcast = false, ...options } = input;
  return app.withinAlso(context, () => call(type, data, options, broadcast));
}

function isBatch(given: IncomingEvent | readonly IncomingEvent[]): given is readonly IncomingEvent[] {
  return Array.isArray(given);
}
