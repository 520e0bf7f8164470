import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Target } from "../access/targets.ts";
import { FatalError, NexusError } from "../errors.ts";
import { taken } from "./answer.ts";
import { withoutSecrets } from "./text.ts";

/** Posts JSON to one address, over connections that it keeps. */
export interface Poster {
  /**
   * Resolves when the target has taken it. Redirects are not followed.
   *
   * @throws FatalError when it cannot get better · RetryAfter when the target says when · Error when it may · the signal's reason.
   */
  readonly post: (body: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<void>;
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
        const first = start(all, signal);
        const answer = await answerTo(first, bytes).catch((error: NodeJS.ErrnoException) => {
          // A kept connection that the target has closed meanwhile says nothing of the target.
          if (first.reusedSocket && error.code === "ECONNRESET" && !signal.aborted) return answerTo(start(all, signal), bytes);
          throw error;
        });
        await taken(url.host, answer, clean);
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw NexusError.is(error, "TARGET_REFUSED") ? new FatalError(error.message, { cause: error }) : error;
      }
    },
    close: async () => agent.destroy(),
  };
}

function answerTo(request: ClientRequest, body: Buffer): Promise<IncomingMessage> {
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
