import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

/** A request of Node as a web-standard one, with its body as it comes or as a parser of the host's has taken it. */
export function requestOf(
  incoming: IncomingMessage & { readonly originalUrl?: string; readonly body?: unknown },
  signal: AbortSignal,
): Request {
  const { method = "GET" } = incoming;
  const headers = new Headers(headersOf(incoming));
  const init: RequestInit & { duplex?: "half" } = { method, headers, signal };
  if (method !== "GET" && method !== "HEAD") {
    if (incoming.readableEnded || incoming.body !== undefined) {
      init.body = bodyOf(incoming.body);
      // It was taken off with the body.
      headers.delete("content-encoding");
    } else {
      init.body = Readable.toWeb(incoming) as ReadableStream;
      init.duplex = "half";
    }
  }
  return new Request(addressOf(incoming), init);
}

/** A request that is to be upgraded: its address and its headers. */
export function upgradeRequestOf(incoming: IncomingMessage): Request {
  return new Request(addressOf(incoming), { headers: headersOf(incoming) });
}

/** The Host header is not to be trusted to make an address of; it is checked as a header. */
function addressOf({ originalUrl, url = "/" }: { readonly originalUrl?: string; readonly url?: string | undefined }): URL {
  return new URL((originalUrl ?? url).replace(/^\/*/, "/"), "http://localhost");
}

function headersOf({ headers }: IncomingMessage): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, each]),
  );
}

/** A body that a parser of the host's has taken: bytes and text as they came, anything else was JSON. */
function bodyOf(taken: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof taken === "string") return taken;
  return Buffer.isBuffer(taken) ? new Uint8Array(taken) : JSON.stringify(taken ?? {});
}
