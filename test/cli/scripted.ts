import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Script = (response: ServerResponse) => void;

/** A server that answers each request for a stream with the next of its scripts, and the last one again; it keeps what was asked. */
export interface Scripted extends AsyncDisposable {
  readonly url: string;
  /** `after` of each request. */
  readonly asked: (string | null)[];
}

export async function scripted(...scripts: readonly Script[]): Promise<Scripted> {
  const asked: (string | null)[] = [];
  const server = createServer((request, response) => {
    const script = scripts[Math.min(asked.length, scripts.length - 1)];
    asked.push(new URL(request.url ?? "", "http://x").searchParams.get("after"));
    script?.(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Opens the stream and sends this text. */
export function stream(response: ServerResponse, text: string): void {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(text);
}

/** Sends the text, then breaks the connection. */
export function cut(text: string): Script {
  return (response) => {
    stream(response, text);
    setImmediate(() => response.write("", () => response.destroy()));
  };
}

export function resumeFrame(from: string, retryMs: number, recovered: boolean = true): string {
  const data = { requested: null, from, recovered, earliest: "abcdefghij.0", ...(!recovered && { reason: "unknown" }) };
  return `retry: ${retryMs}\nid: ${from}\nevent: resume\ndata: ${JSON.stringify(data)}\n\n`;
}

export function eventFrame(sequence: number): string {
  const cursor = `abcdefghij.${sequence}`;
  const event = {
    id: `e${sequence}`,
    sequence,
    cursor,
    type: "count",
    timestamp: 1,
    channel: "app",
    source: "s/1",
    visibility: "public",
    data: {},
  };
  return `id: ${cursor}\ndata: ${JSON.stringify(event)}\n\n`;
}

export function checkpointFrame(cursor: string): string {
  return `id: ${cursor}\nevent: checkpoint\ndata: ${JSON.stringify({ cursor, hasMore: false })}\n\n`;
}

export function problemFrame(code: string, retryable: boolean, retryMs?: number): string {
  const data = {
    type: `urn:nexus:error:${code}`,
    title: "t",
    status: 503,
    code,
    retryable,
    detail: "in so many words",
    ...(retryMs !== undefined && { retryAfterMs: retryMs }),
  };
  return `${retryMs === undefined ? "" : `retry: ${retryMs}\n`}event: problem\ndata: ${JSON.stringify(data)}\n\n`;
}
