import { type IncomingMessage, maxHeaderSize, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { NexusError } from "../../errors.ts";
import { loggedProblem, type Refusals } from "../../operations/logged-problem.ts";
import { refuse } from "./upgrade.ts";

const MOST_HEADERS = 100;

/** Answers requests that nobody could hand on: they are no HTTP, too large, or do not come to an end. */
export function refuseBroken(server: Server, refusals: Refusals): void {
  /** What each connection is yet to be answered, or is being answered. */
  const answers = new WeakMap<Duplex, Set<ServerResponse>>();
  // Node leaves out what is more, without a word: one more says that there were too many.
  server.maxHeadersCount = MOST_HEADERS + 1;
  server.on("request", ({ socket }, response) => {
    const all = answers.get(socket) ?? new Set();
    answers.set(socket, all.add(response));
    response.once("close", () => all.delete(response));
  });
  server.on("clientError", (cause: NodeJS.ErrnoException, socket: Duplex) => {
    // In the middle of an answer another would be read as a part of it.
    const isAnswering = [...(answers.get(socket) ?? [])].some(({ headersSent }) => headersSent);
    if (socket.writable && !isAnswering) return refuse(socket, errorOf(cause), refusals);
    if (cause.code !== "ECONNRESET") loggedProblem(errorOf(cause), refusals);
    socket.destroy();
  });
}

/** @throws HEADERS_TOO_LARGE */
export function checkHeaders({ rawHeaders }: Pick<IncomingMessage, "rawHeaders">): void {
  if (rawHeaders.length / 2 > MOST_HEADERS) throw headersTooLarge();
}

/** A request whose Host or address is none never gets to the site. */
export function unreadable(): NexusError {
  return new NexusError("REQUEST_INVALID", { faults: [{ path: "Host", message: "the Host or the address cannot be read" }] });
}

function errorOf({ code }: NodeJS.ErrnoException): NexusError {
  if (code === "HPE_HEADER_OVERFLOW") return headersTooLarge();
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new NexusError("REQUEST_TIMEOUT", {});
  return new NexusError("PROTOCOL_INVALID", { reason: "it is not HTTP" });
}

function headersTooLarge(): NexusError {
  return new NexusError("HEADERS_TOO_LARGE", { most: MOST_HEADERS, bytes: maxHeaderSize });
}
