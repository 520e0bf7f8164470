import { once } from "node:events";
import type { ServerResponse } from "node:http";

/** Writes an answer to a connection of Node: as fast as the peer takes it, and no faster. A body that fails cuts the connection. */
export async function sendResponse(response: Response, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  if (outgoing.destroyed) return await response.body?.cancel();
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) return void outgoing.end();
  outgoing.flushHeaders();
  const reader = response.body.getReader();
  gone.signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  // Not only when it is read next: whoever takes nothing would never come to that.
  reader.closed.catch(() => outgoing.destroy());
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!outgoing.write(value)) await once(outgoing, "drain", { signal: gone.signal }).catch(() => {});
    if (gone.signal.aborted) return;
  }
  outgoing.end();
}
