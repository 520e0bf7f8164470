import { createServer, type Server as HttpServer, type IncomingMessage, type ServerOptions, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { FetchHandler } from "../../api.ts";
import { NexusError, problemOf } from "../../errors.ts";
import { isLoopback } from "./guard.ts";
import { sendResponse } from "./node-response.ts";
import { keepPeer } from "./peer-address.ts";
import { problemAnswer } from "./problem.ts";
import type { UpgradeHandler } from "./upgrade.ts";

/** A server that listens. */
export interface Server {
  readonly url: string;
  /** No further connections; those there are go on. */
  stopAccepting(): Promise<void>;
  /** Ends what is left. */
  close(): Promise<void>;
}

const CLOSING_MS = 1_000;
/** Who takes longer to say what it wants is not waited for: its connection is closed. */
const PATIENCE = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 };
const MOST_CONNECTIONS = 16_384;
const MOST_HEADERS = 100;

/**
 * Listens on a port of its own.
 *
 * @param options.missing what must be configured before it listens on an address that others can reach; absent when nothing is.
 * @throws BIND_REFUSED for such an address · PORT_IN_USE · OPTION_INVALID
 */
export async function listen(
  fetch: FetchHandler,
  upgrade: UpgradeHandler,
  options: { readonly host: string; readonly port: number | undefined; readonly missing: string | undefined; readonly dropped: () => void },
): Promise<Server> {
  const { host } = options;
  if (!isLoopback(host) && options.missing !== undefined) throw bindRefused(host, options.missing);
  const port = portOf(String(options.port ?? (process.env["NEXUS_PORT"] || process.env["PORT"] || "8000")));
  const listener = getRequestListener(
    async (request, { incoming, outgoing }) => {
      keepPeer(request, incoming);
      const response = await fetch(request);
      if (!(response.headers.get("content-type") ?? "").startsWith("text/event-stream")) return response;
      sendResponse(response, outgoing as ServerResponse).catch(() => outgoing.destroy());
      return RESPONSE_ALREADY_SENT;
    },
    { overrideGlobalObjects: false, errorHandler: unreadable },
  );
  // Some clients offer HTTP/2 in the same header: they are answered as if they had not. (Not known before Node 24.9.)
  const upgrades = { shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === "websocket" };
  const server = createServer({ ...upgrades, ...PATIENCE } as ServerOptions, (request, response) => void listener(request, response));
  server.maxConnections = MOST_CONNECTIONS;
  server.maxHeadersCount = MOST_HEADERS;
  server.on("drop", options.dropped);
  server.on("upgrade", upgrade);
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

/** A request whose Host or address is none never gets to the site. */
function unreadable(): Response {
  const error = new NexusError("REQUEST_INVALID", { faults: [{ path: "Host", message: "the Host or the address cannot be read" }] });
  return problemAnswer(error, problemOf(error));
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
