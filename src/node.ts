import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { FetchHandler, Nexus } from "./api.ts";
import { requestOf } from "./channels/http/node-request.ts";
import { sendResponse } from "./channels/http/node-response.ts";
import { keepPeer } from "./channels/http/peer-address.ts";
import { siteOf } from "./nexus.ts";
import { bareBasePath } from "./serve.ts";

/** For Express and bare Node. Reads `originalUrl`, and a body that express.json() has already taken. */
export function toNodeHandler(handler: FetchHandler): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(handler, request, response).catch((error: unknown) => response.destroy(error as Error));
  };
}

/** Takes upgrades for `<basePath>/events/ws`; every other path is left to the server's own listeners. @returns a function that stops it. */
export function acceptWebSockets(server: Server, app: Nexus, options: { readonly basePath?: `/${string}` } = {}): () => void {
  const site = siteOf(app);
  const basePath = bareBasePath(options.basePath);
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    site.upgrade(request, socket, head, basePath);
  };
  server.on("upgrade", upgrade);
  return () => server.off("upgrade", upgrade);
}

async function answer(handler: FetchHandler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const request = requestOf(incoming, gone.signal);
  keepPeer(request, incoming);
  await sendResponse(await handler(request), outgoing);
}
