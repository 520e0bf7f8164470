import type { IncomingMessage } from "node:http";
import type { Duplex, Readable, Writable } from "node:stream";
import type { Hono } from "hono";
import { Places } from "./access/places.ts";
import type { NexusOptions } from "./api.ts";
import type { App } from "./app.ts";
import { checkCaller, type GuardOptions } from "./channels/http/guard.ts";
import { upgradeRequestOf } from "./channels/http/node-request.ts";
import { pageAnswer } from "./channels/http/page.ts";
import { keepPeer, TrustedProxies } from "./channels/http/peer-address.ts";
import { problemResponse } from "./channels/http/problem.ts";
import { routes } from "./channels/http/routes.ts";
import type { OpenStream } from "./channels/http/sse.ts";
import { ticketOf } from "./channels/http/ticket.ts";
import { type Admitted, socketUpgrade } from "./channels/http/upgrade.ts";
import type { EndpointOptions, McpEndpoint } from "./channels/mcp/endpoint.ts";
import type { McpStdio } from "./channels/mcp/stdio.ts";
import { NexusError } from "./errors.ts";
import type { Context } from "./events/context.ts";
import type { Channel } from "./events/event.ts";
import type { Caller } from "./events/principal.ts";
import { activeTraceparent, readTraceparent } from "./observability/trace.ts";
import { operationNamed, STREAMS } from "./operations/table.ts";

/** How often streams are looked after. */
const TEND_MS = 3_000;
const HEALTH = ["/healthz", "/readyz"];
/** Of the streams that a browser opens, which can send no header. */
const STREAMED = [STREAMS.stream.path, operationNamed("events.poll").path];

/** Where a request goes, and the page that makes it, if one does. */
interface Asked {
  readonly pathname: string;
  readonly basePath: string;
  readonly origin: string | undefined;
}

/** Puts an app behind HTTP: requests, streams and WebSockets, whoever listens. */
export class Site {
  readonly #app: App;
  readonly #guard: GuardOptions;
  readonly #proxies: TrustedProxies;
  /** With whether the credential that each was opened with is good no more. */
  readonly #streams = new Map<OpenStream, () => boolean>();
  readonly #places: Places;
  readonly #routes = new Map<string, Hono>();
  readonly #upgrade: ReturnType<typeof socketUpgrade>;
  #tending: NodeJS.Timeout | undefined;
  readonly #stopping = new AbortController();
  readonly #mcp: NexusOptions["mcp"];
  readonly #mcpServerOf: EndpointOptions["serverOf"];
  #endpoint: Promise<McpEndpoint> | undefined;
  #stdio: McpStdio | undefined;

  /** @param mcpServerOf makes the servers of MCP in the product's place; for tests that need more than it has. */
  constructor(app: App, { http = {}, mcp }: Pick<NexusOptions, "http" | "mcp">, mcpServerOf?: EndpointOptions["serverOf"]) {
    this.#app = app;
    this.#places = new Places({ mostOfOne: app.limits.streams });
    this.#mcp = mcp;
    this.#mcpServerOf = mcpServerOf;
    this.#proxies = new TrustedProxies(http.trustedProxies ?? []);
    this.#guard = { allowedHosts: http.allowedHosts ?? [], allowedOrigins: http.allowedOrigins ?? [] };
    this.#upgrade = socketUpgrade({
      app,
      admit: (request) => this.#admit(request),
      opened: (stream, caller) => this.#opened(stream, caller),
      counted: (caller) => this.#counted(caller),
    });
  }

  /** Who opens a WebSocket. */
  async #admit(request: IncomingMessage): Promise<Admitted> {
    const { headers } = request;
    checkCaller(headers.host, headers.origin, this.#guard);
    if (this.#app.isStopping) throw stopping();
    await this.#app.begin();
    const { access } = this.#app;
    const web = upgradeRequestOf(request);
    keepPeer(web, request);
    const channel = channelOf(headers["nexus-channel"]);
    const from = { ticket: ticketIn(web), address: this.#proxies.addressOf(web) };
    const traced = (context: Context): Context => ({ ...context, traceparent: traceOf(headers["traceparent"]) });
    const context = await access.contextNowOrLater(web, channel, from);
    return {
      context: context && traced(context),
      later: async (credential) => traced(await access.contextOfCredential(credential, channel, from)),
    };
  }

  /** @param basePath what stands before the site's paths, without a slash at its end. */
  async fetch(request: Request, basePath: string): Promise<Response> {
    let origin: string | undefined;
    let response: Response;
    try {
      if (!URL.canParse(request.url)) throw new NexusError("HOST_REFUSED", { host: (request.headers.get("host") ?? "").slice(0, 200) });
      const { pathname, host } = new URL(request.url);
      const health = HEALTH.find((path) => pathname === basePath + path);
      if (health !== undefined) return this.#health(health);
      origin = checkCaller(request.headers.get("host") ?? host, request.headers.get("origin") ?? undefined, this.#guard);
      response = await this.#answer(request, { pathname, basePath, origin });
    } catch (error) {
      response = problemResponse(error, this.#app);
    }
    // Refusals too: a page that may call is to read why it was refused.
    if (origin !== undefined) allowOrigin(response.headers, origin);
    return response;
  }

  async #answer(request: Request, { pathname, basePath, origin }: Asked): Promise<Response> {
    if (request.method === "OPTIONS" && origin !== undefined) return preflight();
    if (this.#app.isStopping) throw stopping();
    await this.#app.begin();
    const page = await pageAnswer(request, basePath);
    if (page !== undefined) return page;
    const isMcp = this.#mcp !== false && pathname === `${basePath}/mcp`;
    const channel = isMcp ? "mcp" : channelOf(request.headers.get("nexus-channel") ?? undefined);
    const isStreamed = request.method === "GET" && STREAMED.some((path) => pathname === basePath + path);
    const ticket = isStreamed ? ticketIn(request) : undefined;
    const caller = await this.#app.access.contextOf(request, channel, { ticket, address: this.#proxies.addressOf(request) });
    const context = { ...caller, traceparent: traceOf(request.headers.get("traceparent") ?? undefined) };
    checkEncoding(request);
    const session = request.headers.get("nexus-session");
    const around = session === null ? context : await this.#app.inSession(context, session);
    if (!isMcp) return await this.#app.within(around, () => this.#routesUnder(basePath).fetch(request));
    const endpoint = await this.#mcpEndpoint();
    return await this.#app.within(around, () => endpoint.fetch(request));
  }

  /** Loaded when the first client comes: an app that has none starts without it. */
  #mcpEndpoint(): Promise<McpEndpoint> {
    this.#endpoint ??= import("./channels/mcp/endpoint.ts").then(
      (mcp) => new mcp.McpEndpoint({ ...this.#mcpOptions, opened: (stream) => this.#opened(stream) }),
    );
    return this.#endpoint;
  }

  get #mcpOptions(): Omit<EndpointOptions, "opened"> {
    const { toolPerWorkflow = false, allowLoopback = false } = this.#mcp || {};
    return { app: this.#app, toolPerWorkflow, allowLoopback, stopping: this.#stopping.signal, serverOf: this.#mcpServerOf };
  }

  /** Speaks MCP with whoever started this process, over its own streams. Resolves when they have nothing more to say. */
  async speakMcp(input: Readable, output: Writable): Promise<void> {
    const { McpStdio } = await import("./channels/mcp/stdio.ts");
    this.#stdio = new McpStdio({ ...this.#mcpOptions, input, output });
    await this.#stdio.ended;
  }

  /** How many streams and sockets are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** @returns false for a request that is not for a WebSocket of ours; nothing was done to it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, basePath: string): boolean {
    return this.#upgrade(request, socket, head, basePath);
  }

  /** One more stream of a caller. @returns what to call when it is over. @throws OVERLOADED */
  #counted(caller: Caller | undefined): () => void {
    const leave = this.#places.take(caller?.userId);
    if (leave !== undefined) return leave;
    this.#app.counters.add("streams_refused");
    throw new NexusError("OVERLOADED", { retryAfterMs: 5_000, what: "streams of one caller" });
  }

  /** Ends all streams: each is told to come back, not all at once. */
  async close(): Promise<void> {
    this.#stopping.abort(stopping());
    clearInterval(this.#tending);
    for (const stream of this.#streams.keys()) stream.stop(stopping());
    await Promise.all([(await this.#endpoint)?.close(), this.#stdio?.close()]);
  }

  #health(path: string): Response {
    const ready = path === "/healthz" || this.#app.isReady;
    return Response.json({ status: ready ? "ok" : "unavailable" }, { status: ready ? 200 : 503, headers: { "cache-control": "no-store" } });
  }

  #routesUnder(basePath: string): Hono {
    let hono = this.#routes.get(basePath);
    if (hono === undefined) {
      hono = routes(
        {
          app: this.#app,
          opened: (stream) => this.#opened(stream),
          stopping: this.#stopping.signal,
        },
        basePath,
      );
      this.#routes.set(basePath, hono);
    }
    return hono;
  }

  #opened(stream: OpenStream, caller: Caller | undefined = this.#app.access.caller): () => void {
    if (this.#stopping.signal.aborted) throw stopping();
    const leave = this.#counted(caller);
    this.#streams.set(stream, () => stream.hasLapsed ?? this.#app.access.hasLapsed(caller));
    // One timer for all of them, as long as there are any.
    this.#tending ??= setInterval(() => {
      for (const [each, lapsed] of this.#streams) {
        if (lapsed()) each.stop(new NexusError("UNAUTHENTICATED", {}, { detail: "The credential is good no more." }));
        else each.tend();
      }
    }, TEND_MS).unref();
    return () => {
      leave();
      this.#streams.delete(stream);
      if (this.#streams.size > 0) return;
      clearInterval(this.#tending);
      this.#tending = undefined;
    };
  }
}

function ticketIn({ headers }: Request): string | undefined {
  const header = (name: string): string | undefined => headers.get(name) ?? undefined;
  return ticketOf({ cookie: header("cookie"), origin: header("origin"), host: header("host"), site: header("sec-fetch-site") });
}

/** A small body may become a large one: none is taken apart. @throws ENCODING_UNSUPPORTED */
function checkEncoding({ headers, method }: Request): void {
  // The body itself is not touched: whoever reads it says how, also when it breaks off.
  const encoding = headers.get("content-encoding") ?? "identity";
  if (method !== "GET" && method !== "HEAD" && encoding.toLowerCase() !== "identity")
    throw new NexusError("ENCODING_UNSUPPORTED", { encoding: encoding.slice(0, 200) });
}

/** What stands before a mounted site's paths, without a slash at its end. */
export function bareBasePath(basePath: string = ""): string {
  return basePath.replace(/\/+$/, "");
}

function stopping(): NexusError {
  return new NexusError("SERVER_STOPPING", { retryAfterMs: 500 + Math.floor(Math.random() * 2_000) });
}

/** The header describes the caller; it authorises nothing. @throws REQUEST_INVALID */
function channelOf(header: string | string[] | undefined): Channel {
  if (header !== undefined && header !== "api" && header !== "cli") {
    throw new NexusError("REQUEST_INVALID", { faults: [{ path: "Nexus-Channel", message: "is api or cli" }] });
  }
  return header ?? "api";
}

/** The trace that a request is part of: the span around it here, which knows where it came from, else the caller's. */
function traceOf(header: string | string[] | undefined): string | undefined {
  return activeTraceparent() ?? readTraceparent(typeof header === "string" ? header : undefined);
}

function preflight(): Response {
  const headers = {
    "access-control-allow-methods": "GET, POST, PATCH, DELETE",
    "access-control-allow-headers":
      "authorization, content-type, idempotency-key, last-event-id, mcp-method, mcp-name, mcp-protocol-version, mcp-session-id, nexus-channel, nexus-session, traceparent",
    "access-control-max-age": "600",
  };
  return new Response(null, { status: 204, headers });
}

function allowOrigin(headers: Headers, origin: string): void {
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", "mcp-session-id, retry-after");
  headers.append("vary", "origin");
}
