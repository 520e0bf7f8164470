import { NexusError } from "../errors.ts";
import { isCallerId } from "../events/id.ts";
import { type Principal, SCOPES } from "../events/principal.ts";

/** The host's own sign-in. @returns the caller, or `undefined` when it is nobody. */
export type Authenticate = (request: Request) => Principal | undefined | Promise<Principal | undefined>;

/** Whoever calls before there are credentials. */
export const LOCAL_USER = "local";

/**
 * Who sends a request.
 *
 * @throws UNAUTHENTICATED when it is nobody. What the host's function throws, or returns amiss, is an error that tells the caller nothing.
 */
export async function callerOf(authenticate: Authenticate, request: Request): Promise<Principal> {
  let answer: unknown;
  try {
    answer = await authenticate(request);
  } catch (cause) {
    // Also a NexusError: its facts are about something else than this request.
    throw new Error("auth.authenticate threw", { cause });
  }
  if (answer === undefined || answer === null) throw new NexusError("UNAUTHENTICATED", {});
  return checkedPrincipal(answer);
}

/** A copy, so that what the host does to its object changes nobody's rights. */
function checkedPrincipal(answer: unknown): Principal {
  if (typeof answer !== "object") throw invalid("it is neither a principal nor undefined");
  const { userId, scopes } = answer as { readonly userId?: unknown; readonly scopes?: unknown };
  if (!isCallerId(userId)) throw invalid("its userId is not 1 to 128 printable ASCII characters without space and comma");
  // Or whoever may choose a name on the host's site would own what was recorded before there were credentials.
  if (userId === LOCAL_USER) throw invalid(`its userId is ${LOCAL_USER}, which stands for the callers of an app without credentials`);
  if (!Array.isArray(scopes)) throw invalid("its scopes are not an array");
  const unknown = scopes.find((scope) => !(SCOPES as readonly unknown[]).includes(scope));
  if (unknown !== undefined || scopes.includes(undefined))
    throw invalid(`there is no scope ${JSON.stringify(unknown)}; there are ${SCOPES.join(", ")}`);
  return { userId, scopes: [...(scopes as Principal["scopes"])] };
}

function invalid(reason: string): Error {
  return new TypeError(`auth.authenticate returned a principal that cannot be used: ${reason}`);
}
