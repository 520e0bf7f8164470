import type { RequestId, WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";

/** The request that a client of 2025-11-25 takes back. One of 2026-07-28 just ends the answer. */
export function cancelledBy(body: unknown): RequestId | undefined {
  const { method, params } = (body ?? {}) as { readonly method?: unknown; readonly params?: { readonly requestId?: unknown } };
  const id = method === "notifications/cancelled" ? params?.requestId : undefined;
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}

/** What was taken back is not answered, and the SDK would keep its stream open for ever. */
export async function endExchange(transport: WebStandardStreamableHTTPServerTransport, id: RequestId): Promise<void> {
  // The SDK ends the work itself, and not in this very turn.
  await new Promise((resolve) => setImmediate(resolve));
  transport.closeSSEStream(id);
  // Sent to nobody any more: with an answer the SDK forgets the request. It throws when it has forgotten it already.
  await transport.send({ jsonrpc: "2.0", id, error: { code: 0, message: "cancelled" } }).catch(() => {});
}
