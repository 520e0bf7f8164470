import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Target } from "../access/targets.ts";
import { FatalError, NexusError } from "../errors.ts";
import { taken } from "./answer.ts";
import { withoutSecrets } from "./text.ts";

/** Posts JSON to one address, over connections that it keeps. */
export interface Poster {
  /**
   * Resolves when the target has taken it, with the beginning of what it said to that. Redirects are not followed.
   *
   * @throws FatalError when it cannot get better · RetryAfter when the target says when · Error when it may · the signal's reason.
   */
  readonly post: (body: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<string>;
  /** Closes its connections. */
  readonly close: () => Promise<void>;
}

/** @param secrets never told in an error; nor is the URL's path and query. */
export function poster({ url, lookup }: Target, secrets: readonly string[]): Poster {
  const secure = url.protocol === "https:";
  // An agent of its own takes no proxy from the environment: the address that is checked is the one that is dialled.
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const clean = withoutSecrets([...secrets, ...partsOf(url)]);
  const start = (headers: Readonly<Record<string, string>>, signal: AbortSignal): ClientRequest =>
    (secure ? httpsRequest : httpRequest)(url, { method: "POST", headers, agent, lookup, signal });
  return {
    post: async (body, headers, signal) => {
      signal.throwIfAborted();
      const bytes = Buffer.from(body);
      const all = { "user-agent": "nexus-event-system", ...headers, "content-length": String(bytes.length) };
      try {
        return await taken(url.host, await answerTo(() => start(all, signal), bytes, signal), clean);
      } catch (error) {
        throw signal.aborted ? signal.reason : error;
      }
    },
    close: async () => agent.destroy(),
  };
}

/** @throws FatalError for an address that must not be dialled · Error when the target cannot be reached, or hangs up. */
async function answerTo(start: () => ClientRequest, body: Buffer, signal: AbortSignal): Promise<IncomingMessage> {
  const request = start();
  try {
    return await sent(request, body);
  } catch (error) {
    const { code, message, errors = [] } = error as NodeJS.ErrnoException & { readonly errors?: readonly Error[] };
    // A kept connection that the target has closed meanwhile says nothing of the target.
    if (request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE") && !signal.aborted) return await sent(start(), body);
    if (NexusError.is(error, "TARGET_REFUSED")) throw new FatalError(message, { cause: error });
    // Where a name has several addresses, what went wrong is said of each, and nothing of all.
    const words = message || errors.map((one) => one.message).join("; ");
    throw Object.assign(new Error(`${request.host} could not be reached: ${words}`), code !== undefined && { code });
  }
}

function sent(request: ClientRequest, body: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    // Also after an answer: one that comes before all was sent may be followed by a reset.
    request.on("error", reject);
    request.end(body);
  });
}

/** What of a URL may be a secret: its path and query, whole and in parts. A shorter part than 8 is none, and would blot out words. */
function partsOf(url: URL): readonly string[] {
  const parts = [`${url.pathname}${url.search}`, url.pathname, ...url.pathname.split("/"), ...url.searchParams.values()];
  return parts.filter((part) => part.length >= 8);
}
