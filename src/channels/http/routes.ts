import { type Context, Hono } from "hono";
import type { App } from "../../app.ts";
import { asyncapi } from "../../documents/asyncapi.ts";
import { metrics } from "../../documents/metrics.ts";
import { openapi, type Server } from "../../documents/openapi.ts";
import { NexusError } from "../../errors.ts";
import { parseFilter } from "../../events/filter.ts";
import type { EventPage } from "../../log/event-page.ts";
import { checkInput, coerced } from "../../operations/input.ts";
import type { Method, Operation } from "../../operations/operation.ts";
import { perform } from "../../operations/perform.ts";
import { DOCUMENTS, OPERATIONS, STREAMS, TICKETS } from "../../operations/table.ts";
import { readBody } from "./body.ts";
import { batchResponse, bringsCloudEvents, readCloudEvents, wantsCloudEvents } from "./cloudevents.ts";
import { problemResponse } from "./problem.ts";
import { readFilterQuery, readQuery } from "./query.ts";
import { checkOnLoss } from "./resume.ts";
import { type OpenStream, SSE_HEADERS, sseResponse } from "./sse.ts";
import { noTicketCookie, type TicketPlace, ticketCookie } from "./ticket.ts";

/** What the routes need of the site they are part of. */
export interface RouteParts {
  readonly app: App;
  /** A stream has opened. @returns what to call when it is over. @throws SERVER_STOPPING */
  readonly opened: (stream: OpenStream) => () => void;
  /** Aborts with SERVER_STOPPING for those who only wait. */
  readonly stopping: AbortSignal;
}

const JSON_TYPE = { "content-type": "application/json" };

/** The paths of the server, without what stands before them. */
export function routes(parts: RouteParts, basePath: string): Hono {
  const { app, opened } = parts;
  const hono = new Hono({ getPath: (request) => pathUnder(request, basePath) });
  const allowed = new Map<string, string[]>();
  const ticketPlace = (c: Context): TicketPlace => ({
    path: `${basePath}/events`,
    secure: new URL(c.req.url).protocol === "https:",
  });
  const on = (method: Method, path: string, answer: (c: Context) => Promise<Response>): void => {
    hono.on(method, path, answer);
    allowed.set(path, [...(allowed.get(path) ?? []), method]);
  };
  for (const operation of OPERATIONS) {
    const path = operation.path.replace(/\{(\w+)\}/g, ":$1");
    on(operation.method, path, (c) => answer(parts, operation, c));
  }
  on("GET", STREAMS.stream.path, async (c) => {
    app.access.check(STREAMS.stream.scope);
    const { filter, controls } = readFilterQuery(new URL(c.req.url).searchParams, ["after", "lastEventId", "onLoss"]);
    const { onLoss } = controls;
    checkOnLoss(onLoss);
    const seen = app.access.seen(parseFilter(filter));
    // Nobody would read, or end, the stream that a HEAD asks about.
    if (c.req.raw.method === "HEAD") return new Response(null, { headers: SSE_HEADERS });
    const { log, feed } = await app.source();
    const requested = placeOf(c, controls);
    return await sseResponse({ log, feed, counters: app.counters, logger: app.logger, now: () => app.clock.now(), opened }, c.req.raw, {
      filter: seen,
      requested,
      onLoss,
    });
  });
  on("GET", STREAMS.subscribe.path, async () => {
    throw new NexusError("UPGRADE_REQUIRED", { subprotocol: "nexus.v1" });
  });
  on("POST", TICKETS.path, async (c) => {
    app.access.check(TICKETS.scope);
    const made = await app.access.ticket();
    // Before there are credentials a stream needs none.
    if (made === undefined) return document({});
    const answer = document({ expiresAt: made.expiresAt });
    answer.headers.set("set-cookie", ticketCookie(made.ticket, made.expiresAt - app.clock.now(), ticketPlace(c)));
    return answer;
  });
  // For whoever signs out: no script can take away a cookie that none can read.
  on("DELETE", TICKETS.path, async (c) => {
    app.access.check(TICKETS.scope);
    const answer = document({});
    answer.headers.set("set-cookie", noTicketCookie(ticketPlace(c)));
    return answer;
  });
  on("GET", DOCUMENTS.openapi.path, async (c) => {
    app.access.check(DOCUMENTS.openapi.scope);
    return document(openapi(serverOf(c, app, basePath)));
  });
  on("GET", DOCUMENTS.asyncapi.path, async (c) => {
    app.access.check(DOCUMENTS.asyncapi.scope);
    return document(asyncapi(serverOf(c, app, basePath), app.eventTypes()));
  });
  on("GET", DOCUMENTS.metrics.path, async () => {
    app.access.check(DOCUMENTS.metrics.scope);
    return new Response(await metrics(app), { headers: { "content-type": DOCUMENTS.metrics.type, "cache-control": "no-store" } });
  });
  for (const [path, methods] of allowed) {
    hono.all(path, () => {
      throw new NexusError("METHOD_NOT_ALLOWED", { allowed: methods });
    });
  }
  hono.notFound((c) => problemResponse(new NexusError("NOT_FOUND", { path: c.req.path.slice(0, 200) }), app));
  hono.onError((error) => problemResponse(error, app));
  return hono;
}

function serverOf(c: Context, app: App, basePath: string): Server {
  const { protocol, host } = new URL(c.req.url);
  return { name: app.name, protocol: protocol === "https:" ? "https" : "http", host: c.req.header("host") ?? host, basePath };
}

function document(body: object): Response {
  return new Response(JSON.stringify(body), { headers: { ...JSON_TYPE, "cache-control": "no-store" } });
}

async function answer({ app, stopping }: RouteParts, operation: Operation, c: Context): Promise<Response> {
  const call = { signal: AbortSignal.any([c.req.raw.signal, stopping]) };
  const { status = 200, body: answered } = await perform(app, operation, () => inputOf(operation, c), call);
  if (operation.cloudEvents === "out" && wantsCloudEvents(c.req.raw)) return batchResponse(answered as EventPage);
  return new Response(JSON.stringify(answered), { status, headers: { ...JSON_TYPE, "cache-control": "no-store" } });
}

async function inputOf(operation: Operation, c: Context): Promise<object> {
  const query = queryOf(operation, c);
  const params = c.req.param() as Record<string, string>;
  checkInput(operation.params, params);
  checkInput(operation.query, query.input);
  const body = await bodyOf(operation, c);
  return { ...body, ...query.input, ...params, ...(query.filter !== undefined && { filter: query.filter }) };
}

/** The body of a request; the header Idempotency-Key may stand for its field. @throws OPTION_UNSUPPORTED where there is no such field. */
async function bodyOf({ body: schema, wholeBody, cloudEvents }: Operation, c: Context): Promise<Readonly<Record<string, unknown>>> {
  const key = c.req.header("idempotency-key");
  if (key !== undefined && schema?.properties["idempotencyKey"] === undefined)
    throw new NexusError("OPTION_UNSUPPORTED", { option: "Idempotency-Key" });
  if (schema === undefined) return {};
  if (cloudEvents === "in" && bringsCloudEvents(c.req.raw)) return { cloudEvents: await readCloudEvents(c.req.raw) };
  const body = await readBody(c.req.raw);
  checkInput(schema, body);
  if (wholeBody !== undefined) return { [wholeBody]: body };
  const { idempotencyKey = key } = body;
  if (key !== undefined && idempotencyKey !== key)
    throw new NexusError("REQUEST_INVALID", { faults: [{ path: "idempotencyKey", message: "differs from the header Idempotency-Key" }] });
  return { ...body, ...(key !== undefined && { idempotencyKey }) };
}

function queryOf(
  operation: Operation,
  c: Context,
): { readonly input: Record<string, unknown>; readonly filter?: Readonly<Record<string, unknown>> } {
  const search = new URL(c.req.url).searchParams;
  if (operation.filter === undefined) return { input: coerced(operation.query, readQuery(search)) };
  const { filter, controls } = readFilterQuery(search, [...Object.keys(operation.query.properties), "lastEventId"]);
  const { lastEventId: _lastEventId, after: _after, ...others } = controls;
  const after = placeOf(c, controls);
  return { input: coerced(operation.query, { ...others, ...(after !== undefined && { after }) }), filter };
}

/** The place to read from. Whoever repeats its first address has read on since: what it read last says more than what that asks for. */
function placeOf(c: Context, controls: Readonly<Record<string, string>>): string | undefined {
  return c.req.header("last-event-id") || controls["lastEventId"] || controls["after"];
}

function pathUnder(request: Request, basePath: string): string {
  const { pathname } = new URL(request.url);
  if (basePath === "") return pathname;
  if (pathname === basePath) return "/";
  // What is not under it is nothing of ours.
  return pathname.startsWith(`${basePath}/`) ? pathname.slice(basePath.length) : "/ ";
}
