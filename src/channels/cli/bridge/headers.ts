import type { RpcMessage } from "../../message-lines.ts";

const VERSION = "io.modelcontextprotocol/protocolVersion";
/** What the header `mcp-name` repeats of a message. */
const NAMED_BY: Readonly<Record<string, string>> = { "tools/call": "name", "prompts/get": "name", "resources/read": "uri" };

/** The version of the protocol that a message is of, where it says so itself: since 2026-07-28 each request does. */
export function versionOf({ params }: RpcMessage): string | undefined {
  const version = (params?.["_meta"] as Readonly<Record<string, unknown>> | undefined)?.[VERSION];
  return typeof version === "string" ? version : undefined;
}

/** The headers that repeat what a message of 2026-07-28 says, for whoever routes it without reading it. */
export function headersOf(message: RpcMessage, version: string): Record<string, string> {
  const { method = "", params } = message;
  const name = params?.[NAMED_BY[method] ?? ""];
  return {
    "mcp-protocol-version": headerText(version),
    "mcp-method": headerText(method),
    ...(typeof name === "string" && { "mcp-name": headerText(name) }),
  };
}

/** A text as a header can carry it, and is read back from it. @see https://modelcontextprotocol.io/specification/draft/basic/transports */
function headerText(text: string): string {
  const isPlain = /^[\t -~]+$/.test(text) && text.trim() === text && !/^=\?base64\?.*\?=$/.test(text);
  return isPlain ? text : `=?base64?${Buffer.from(text).toString("base64")}?=`;
}
