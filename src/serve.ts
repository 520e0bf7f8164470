import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Hono } from "hono";
import type { NexusOptions } from "./api.ts";
import type { App } from "./app.ts";
import { checkCaller, type GuardOptions } from "./channels/http/guard.ts";
import { problemResponse } from "./channels/http/problem.ts";
import { routes } from "./channels/http/routes.ts";
import type { OpenStream } from "./channels/http/sse.ts";
import { socketUpgrade } from "./channels/http/upgrade.ts";
import { NexusError } from "./errors.ts";
import type { Context } from "./events/context.ts";
import type { Channel } from "./events/event.ts";

/** How often streams are looked after. */
const TEND_MS = 3_000;
const HEALTH = ["/healthz", "/readyz"];

/** Puts an app behind HTTP: requests, streams and WebSockets, whoever listens. */
export class Site {
  readonly #app: App;
  readonly #guard: GuardOptions;
  readonly #streams = new Set<OpenStream>();
  readonly #routes = new Map<string, Hono>();
  readonly #upgrade: ReturnType<typeof socketUpgrade>;
  #tending: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(app: App, http: NonNullable<NexusOptions["http"]>) {
    this.#app = app;
    this.#guard = { allowedHosts: http.allowedHosts ?? [], allowedOrigins: http.allowedOrigins ?? [] };
    this.#upgrade = socketUpgrade({
      app,
      admit: ({ headers }) => {
        checkCaller(headers.host, headers.origin, this.#guard);
        return callerContext(headers["nexus-channel"]);
      },
      opened: (stream) => this.#opened(stream),
    });
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** @param basePath what stands before the site's paths, without a slash at its end. */
  async fetch(request: Request, basePath: string): Promise<Response> {
    try {
      const { pathname, host } = new URL(request.url);
      const health = HEALTH.find((path) => pathname === basePath + path);
      if (health !== undefined) return this.#health(health);
      const origin = checkCaller(request.headers.get("host") ?? host, request.headers.get("origin") ?? undefined, this.#guard);
      if (request.method === "OPTIONS" && origin !== undefined) return preflight(origin);
      if (this.#app.isStopping) throw stopping();
      await this.#app.begin();
      const context = callerContext(request.headers.get("nexus-channel") ?? undefined);
      const response = await this.#app.within(context, () => this.#routesUnder(basePath).fetch(request));
      if (origin !== undefined) allowOrigin(response.headers, origin);
      return response;
    } catch (error) {
      return problemResponse(error, this.#app.logger);
    }
  }

  /** @returns false for a request that is not for a WebSocket of ours; nothing was done to it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, basePath: string): boolean {
    return this.#upgrade(request, socket, head, basePath);
  }

  /** Ends all streams: each is told to come back, not all at once. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#tending);
    for (const stream of this.#streams) stream.stop(stopping());
  }

  #health(path: string): Response {
    const ready = path === "/healthz" || this.#app.isReady;
    return Response.json({ status: ready ? "ok" : "unavailable" }, { status: ready ? 200 : 503, headers: { "cache-control": "no-store" } });
  }

  #routesUnder(basePath: string): Hono {
    let hono = this.#routes.get(basePath);
    if (hono === undefined) {
      hono = routes({ app: this.#app, opened: (stream) => this.#opened(stream) }, basePath);
      this.#routes.set(basePath, hono);
    }
    return hono;
  }

  #opened(stream: OpenStream): () => void {
    if (this.#closed) throw stopping();
    this.#streams.add(stream);
    // One timer for all of them, as long as there are any.
    this.#tending ??= setInterval(() => {
      for (const each of this.#streams) each.tend();
    }, TEND_MS).unref();
    return () => {
      this.#streams.delete(stream);
      if (this.#streams.size > 0) return;
      clearInterval(this.#tending);
      this.#tending = undefined;
    };
  }
}

function stopping(): NexusError {
  return new NexusError("SERVER_STOPPING", { retryAfterMs: 500 + Math.floor(Math.random() * 2_000) });
}

/** The header describes the caller; it authorises nothing. @throws REQUEST_INVALID */
function callerContext(header: string | string[] | undefined): Context {
  if (header !== undefined && header !== "api" && header !== "cli") {
    throw new NexusError("REQUEST_INVALID", { faults: [{ path: "Nexus-Channel", message: "is api or cli" }] });
  }
  const channel: Channel = header ?? "api";
  // Without credentials everyone is the person at this machine.
  return { channel, userId: "local" };
}

function preflight(origin: string): Response {
  const headers = new Headers({
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "content-type, last-event-id, nexus-channel",
    "access-control-max-age": "600",
  });
  allowOrigin(headers, origin);
  return new Response(null, { status: 204, headers });
}

function allowOrigin(headers: Headers, origin: string): void {
  headers.set("access-control-allow-origin", origin);
  headers.append("vary", "origin");
}
