import { ProtocolError, type Server, type ServerContext } from "@modelcontextprotocol/server";
import Type, { type TObject } from "typebox";
import type { App } from "../../../app.ts";
import { gather } from "../../../operations/gather.ts";
import { checkInput } from "../../../operations/input.ts";
import { SPARING } from "../call-tool.ts";
import { rpcError } from "../rpc-error.ts";
import type { McpParts } from "../server.ts";
import { telling } from "../tools.ts";
import { BY_STATUS, CODES } from "./codes.ts";
import { stream } from "./stream.ts";
import { begin, occurrence, SUBSCRIPTION, type Subscription } from "./subscription.ts";
import { eventTypes } from "./types.ts";

/** @see https://modelcontextprotocol.io/seps/3415-events-extension */
export const EVENTS_EXTENSION = "io.modelcontextprotocol/events";

const NEXT_POLL_MS = 5_000;
const MOST_EVENTS = 50;

const LIST: TObject = Type.Object({ cursor: Type.Optional(Type.String()) });
const STREAM: TObject = Type.Object(SUBSCRIPTION);
const POLL: TObject = Type.Object({
  ...SUBSCRIPTION,
  maxEvents: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.Null()])),
});
const ANY: TObject = Type.Object({});

type Answer = Record<string, unknown>;

interface Poll extends Subscription {
  readonly maxEvents?: number | null;
}

/** Answers `events/*`: the log, as the Events extension of MCP wants it. */
export function handleEvents(server: Server, parts: McpParts): void {
  const { app, streams, webhooks } = parts;
  const on = (method: string, schema: TObject, answer: (params: never, ctx: ServerContext) => Promise<Answer>): void =>
    server.setRequestHandler(method, { params: telling({ ...schema, type: "object" }) }, async (params, ctx) => {
      try {
        app.access.check("events:read");
        checkInput(schema, withoutMeta(params));
        return await answer(params as never, ctx);
      } catch (error) {
        throw error instanceof ProtocolError ? error : rpcError(error, app, BY_STATUS);
      }
    });
  on("events/list", LIST, async ({ cursor }: { readonly cursor?: string }) => ({ ...eventTypes(app, cursor) }));
  on("events/poll", POLL, (params: Poll, ctx) => poll(app, params, ctx));
  on("events/stream", STREAM, async (params: Subscription, ctx) => {
    const begun = await begin(app, params);
    const leave = streams.take(app.access.caller?.userId);
    if (leave === undefined) {
      app.counters.add("streams_refused");
      throw new ProtocolError(CODES.exhausted, "As many streams are open as can be.", { limit: "streams" });
    }
    try {
      return await parts.underWay.during(() => stream(parts, params.name, begun, ctx));
    } finally {
      leave();
    }
  });
  // Who calls is asked first, then what they want.
  on("events/subscribe", ANY, (params: Record<string, unknown>) => webhooks.subscribe(withoutMeta(params)));
  on("events/unsubscribe", ANY, async (params: Record<string, unknown>) => webhooks.unsubscribe(withoutMeta(params)));
}

async function poll(app: App, params: Poll, ctx: ServerContext): Promise<Answer> {
  const { filter, position, truncated } = await begin(app, params);
  const { feed } = await app.source();
  const limit = Math.min(params.maxEvents ?? MOST_EVENTS, MOST_EVENTS);
  const wanted = { filter, after: position, limit, waitMs: 0 };
  const { events, next } = await gather(feed, app.clock, wanted, { ...SPARING, gatherMs: 0 }, ctx.mcpReq.signal);
  return {
    events: events.map((event) => occurrence(params.name, event)),
    cursor: await feed.cursorAt(next, app.access.sight),
    truncated,
    hasMore: next < feed.end,
    nextPollMs: NEXT_POLL_MS,
  };
}

function withoutMeta(params: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { _meta, ...rest } = params;
  return rest;
}
