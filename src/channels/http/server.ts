import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerOptions as NodeOptions,
  type ServerResponse,
} from "node:http";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { FetchHandler } from "../../api.ts";
import { NexusError } from "../../errors.ts";
import type { Limits } from "../../events/limits.ts";
import type { Refusals } from "../../operations/logged-problem.ts";
import { checkHeaders, refuseBroken, unreadable } from "./broken-request.ts";
import { isLoopback } from "./guard.ts";
import { sendResponse } from "./node-response.ts";
import { keepPeer } from "./peer-address.ts";
import { problemResponse } from "./problem.ts";
import { streamsDirectly, streamTo } from "./sse.ts";
import { refuse, type UpgradeHandler } from "./upgrade.ts";

/** A server that listens. */
export interface Server {
  readonly url: string;
  /** No further connections; those there are go on. */
  stopAccepting(): Promise<void>;
  /** Ends what is left. */
  close(): Promise<void>;
}

const CLOSING_MS = 1_000;
/** How often it is looked who takes too long to say what it wants. */
const CHECKING_MS = 5_000;

export interface ServerOptions {
  readonly host: string;
  readonly port: number | undefined;
  /** What must be configured before it listens on an address that others can reach; absent when nothing is. */
  readonly missing: string | undefined;
  readonly limits: Pick<Limits, "connections" | "headersMs" | "requestMs" | "stuckMs">;
  readonly refusals: Refusals;
}

/**
 * Listens on a port of its own.
 *
 * @throws BIND_REFUSED for such an address · PORT_IN_USE · OPTION_INVALID
 */
export async function listen(fetch: FetchHandler, upgrade: UpgradeHandler, options: ServerOptions): Promise<Server> {
  const { host, refusals } = options;
  if (!isLoopback(host) && options.missing !== undefined) throw bindRefused(host, options.missing);
  const port = portOf(String(options.port ?? (process.env["NEXUS_PORT"] || process.env["PORT"] || "8000")));
  const listener = getRequestListener(
    async (request, { incoming, outgoing }) => {
      checkHeaders(incoming);
      keepPeer(request, incoming);
      streamsDirectly(request);
      const response = await fetch(request);
      // Streams look after their readers themselves.
      if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
        letGoWhenStuck(outgoing as ServerResponse, options);
        return response;
      }
      if (!streamTo(response, outgoing as ServerResponse))
        sendResponse(response, outgoing as ServerResponse).catch(() => outgoing.destroy());
      return RESPONSE_ALREADY_SENT;
    },
    { overrideGlobalObjects: false, errorHandler: (error) => problemResponse(NexusError.is(error) ? error : unreadable(), refusals) },
  );
  // Some clients offer HTTP/2 in the same header: they are answered as if they had not. (Not known before Node 24.9.)
  const upgrades = { shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === "websocket" };
  const server = createServer({ ...upgrades, ...patience(options.limits) } as NodeOptions);
  refuseBroken(server, refusals);
  server.maxConnections = options.limits.connections;
  server.on("drop", () => refusals.counters.add("connections_refused"));
  server.on("request", (request, response) => void listener(request, response));
  server.on("upgrade", (request, socket, head) => {
    try {
      checkHeaders(request);
      upgrade(request, socket, head);
    } catch (error) {
      refuse(socket, error, refusals);
    }
  });
  let closing = false;
  // A connection is idle only after its last answer.
  server.on("request", (_request, response) => response.once("close", () => closing && setImmediate(() => server.closeIdleConnections())));
  const name = bare(host);
  await bound(server, host, port);
  const address = server.address();
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  const stopAccepting = async (): Promise<void> => {
    closing = true;
    server.close();
    server.closeIdleConnections();
  };
  return {
    url: `http://${name.includes(":") ? `[${name}]` : name}:${typeof address === "object" && address !== null ? address.port : port}`,
    stopAccepting,
    close: async () => {
      await stopAccepting();
      const late = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
      await closed;
      clearTimeout(late);
    },
  };
}

function bindRefused(host: string, missing: string): NexusError {
  const detail = `Without ${missing} the server binds to this machine only, not to ${JSON.stringify(host)}.`;
  return new NexusError("BIND_REFUSED", { host }, { detail });
}

/** The time begins anew with whatever the peer takes. */
function letGoWhenStuck(outgoing: ServerResponse, { limits, refusals }: ServerOptions): void {
  outgoing.setTimeout(limits.stuckMs, () => {
    refusals.counters.add("slow_readers");
    outgoing.destroy();
  });
  // Before Node says how long the connection may be idle. What is asked over it next may take its time.
  outgoing.prependOnceListener("finish", () => outgoing.socket?.setTimeout(0));
}

/** Who takes longer is not waited for: its connection is closed. */
function patience({ headersMs, requestMs }: Pick<Limits, "headersMs" | "requestMs">): NodeOptions {
  const headersTimeout = Math.min(headersMs, requestMs);
  return { headersTimeout, requestTimeout: requestMs, connectionsCheckingInterval: Math.min(CHECKING_MS, headersTimeout) };
}

function bound(server: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException): void =>
      reject(cause.code === "EADDRINUSE" ? new NexusError("PORT_IN_USE", { host, port }, { cause }) : cause);
    server.once("error", failed);
    server.listen(port, bare(host), () => {
      server.off("error", failed);
      resolve();
    });
  });
}

/** An IPv6 address without its brackets. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new NexusError("OPTION_INVALID", { option: "port", reason: `${text} is not a port` });
  return port;
}
