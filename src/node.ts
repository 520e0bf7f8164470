import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type Duplex, Readable } from "node:stream";
import type { FetchHandler, Nexus } from "./api.ts";
import { sendResponse } from "./channels/http/node-response.ts";
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
  await sendResponse(await handler(requestOf(incoming, gone.signal)), outgoing);
}

function requestOf(incoming: IncomingMessage & { readonly originalUrl?: string; readonly body?: unknown }, signal: AbortSignal): Request {
  const { method = "GET", originalUrl, url = "/", headers } = incoming;
  const target = originalUrl ?? url;
  const given = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, each]),
  );
  const init: RequestInit & { duplex?: "half" } = { method, headers: given, signal };
  if (method !== "GET" && method !== "HEAD") {
    if (incoming.readableEnded || incoming.body !== undefined) init.body = bodyOf(incoming.body);
    else {
      init.body = Readable.toWeb(incoming) as ReadableStream;
      init.duplex = "half";
    }
  }
  // The Host header is not to be trusted to make an address of; it is checked as a header.
  return new Request(new URL(target.replace(/^\/*/, "/"), "http://localhost"), init);
}

/** A body that a parser of the host's has taken: bytes and text as they came, anything else was JSON. */
function bodyOf(taken: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof taken === "string") return taken;
  return Buffer.isBuffer(taken) ? new Uint8Array(taken) : JSON.stringify(taken ?? {});
}
