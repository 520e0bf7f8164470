import { NexusError } from "../errors.ts";
import { type CallOptions, type Connection, call } from "./call.ts";
import { delay, reconnectDelay } from "./delay.ts";
import { retryAfterOf } from "./said.ts";

/** Makes one call. `again`: it may be made again when its answer is lost, for that changes nothing. */
export type Ask = <Answer>(
  method: "GET" | "POST" | "PATCH" | "DELETE",
  path: string,
  options?: CallOptions & { readonly again?: boolean },
) => Promise<Answer>;

const PATIENCE_MS = 30_000;
const RETRY_MS = 500;

/** Calls to a server. One that has answered before, and is away, is given 30 s to come back; one that never has, none. */
export function asking(connection: Connection, ended: AbortSignal): Ask {
  let known = false;
  return async (method, path, { again = false, ...options } = {}) => {
    const until = Date.now() + PATIENCE_MS;
    for (let failures = 0; ; failures++) {
      ended.throwIfAborted();
      try {
        const answer = await call<any>(connection, method, path, options);
        known = true;
        return answer;
      } catch (error) {
        if (!NexusError.is(error)) throw error;
        const isAway = error.code === "SERVER_UNREACHABLE" || error.code === "SERVER_STOPPING";
        known ||= !isAway && error.code !== "PROTOCOL_INVALID";
        const delayMs = retryAfterOf(error) ?? reconnectDelay(failures, RETRY_MS, Math.random);
        if (!again || !known || !isAway || Date.now() + delayMs > until) throw error;
        await delay(delayMs, ended);
      }
    }
  };
}
