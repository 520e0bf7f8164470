import { type ServerContext, SUBSCRIPTION_ID_META_KEY } from "@modelcontextprotocol/server";
import type { App } from "../../../app.ts";
import { NexusError } from "../../../errors.ts";
import type { Cursor } from "../../../events/event.ts";
import { positionOf } from "../../../log/cursor.ts";
import { Tail } from "../../../log/tail.ts";
import { background } from "../../../observability/clock.ts";
import { exchanges } from "../exchange.ts";
import { rpcError } from "../rpc-error.ts";
import type { McpParts } from "../server.ts";
import { BY_STATUS } from "./codes.ts";
import { type Beginning, occurrence } from "./subscription.ts";

const HEARTBEAT_MS = 15_000;

/** One subscription, pushed until its caller ends it or the server stops. A reader that takes nothing lags in the log. */
export async function stream(
  { app, stopping }: McpParts,
  name: string,
  begun: Beginning,
  ctx: ServerContext,
): Promise<Record<string, unknown>> {
  const { feed } = await app.source();
  const { sight } = app.access;
  const flow = exchanges.getStore()?.flow;
  const over = new AbortController();
  // A connection of 2025-11-25 outlives its streams: that this one has lost its reader, nobody else would tell.
  const signal = AbortSignal.any([over.signal, ctx.mcpReq.signal, stopping, ...(flow === undefined ? [] : [flow.gone])]);
  const send = (kind: string, params: object): Promise<void> =>
    ctx.mcpReq.notify({
      method: `notifications/events/${kind}`,
      params: { ...params, _meta: { [SUBSCRIPTION_ID_META_KEY]: ctx.mcpReq.id } },
    });
  let cursor = await feed.cursorAt(begun.position, sight);
  let tail: Tail | undefined;
  await send("active", { cursor, truncated: begun.truncated });
  const beating = beat(app, () => send("heartbeat", { cursor: tail?.waitsAt ?? cursor }), signal);
  try {
    for (let { position } = begun; ; ) {
      try {
        tail = new Tail(feed, position, signal, begun.filter);
        await pushFrom(tail, name, signal, send, (place) => {
          cursor = place;
        });
      } catch (error) {
        if (!NexusError.is(error, "CURSOR_EXPIRED")) throw error;
        // The floor has overtaken it: it is told, and goes on from what is left.
        position = await positionOf((await app.source()).log, "earliest");
        cursor = await feed.cursorAt(position, sight);
        await send("active", { cursor, truncated: true });
      }
    }
  } catch (error) {
    if (!signal.aborted) await send("terminated", { error: errorOf(app, error) });
  } finally {
    over.abort();
    await beating;
  }
  return {};
}

async function pushFrom(
  tail: Tail,
  name: string,
  signal: AbortSignal,
  send: (kind: string, params: object) => Promise<void>,
  at: (cursor: Cursor) => void,
): Promise<never> {
  const flow = exchanges.getStore()?.flow;
  for await (const batch of tail) {
    for (const { event } of batch.events) {
      await flow?.room(signal);
      await send("event", { ...occurrence(name, event), cursor: event.cursor });
      at(event.cursor);
    }
    at(batch.cursor);
  }
  throw new TypeError("the log has no end");
}

async function beat(app: App, send: () => Promise<void>, signal: AbortSignal): Promise<void> {
  const clock = background(app.clock);
  const flow = exchanges.getStore()?.flow;
  try {
    for (;;) {
      await clock.sleep(HEARTBEAT_MS, signal);
      await flow?.room(signal);
      await send();
    }
  } catch (error) {
    // A heartbeat that cannot be sent is one that nobody would hear.
    if (!signal.aborted) app.logger.debug({ error }, "a heartbeat could not be sent");
  }
}

function errorOf(app: App, error: unknown): object {
  const { code, message, data } = rpcError(error, app, BY_STATUS);
  return { code, message, data };
}
