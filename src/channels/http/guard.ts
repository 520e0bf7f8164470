import { NexusError } from "../../errors.ts";

/** Which hosts a server answers to, and which pages may call it, beside its own. */
export interface GuardOptions {
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}

const LOOPBACK = /^(?:localhost|127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}|\[::1\])$/i;

/**
 * Refuses what a page of another site could send here: a Host that is not ours (DNS rebinding), an Origin that is not ours.
 *
 * @returns the origin that answers must be allowed for, if it is another one that is listed.
 * @throws HOST_REFUSED · ORIGIN_REFUSED
 */
export function checkCaller(host: string | undefined, origin: string | undefined, options: GuardOptions): string | undefined {
  if (host === undefined || !isAllowed(host, options.allowedHosts))
    throw new NexusError("HOST_REFUSED", { host: (host ?? "").slice(0, 200) });
  if (origin === undefined) return undefined;
  if (options.allowedOrigins.includes(origin)) return origin;
  if (hostOf(origin) !== host.toLowerCase()) throw new NexusError("ORIGIN_REFUSED", { origin: origin.slice(0, 200) });
  return undefined;
}

/** Whether an address stands for this machine alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host) || host === "::1";
}

function isAllowed(host: string, allowedHosts: readonly string[]): boolean {
  const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
  return (
    LOOPBACK.test(name) || allowedHosts.some((allowed) => allowed.toLowerCase() === name || allowed.toLowerCase() === host.toLowerCase())
  );
}

/** The host of an http origin as a Host header has it: without the port that the scheme implies. */
export function hostOf(origin: string): string | undefined {
  if (!/^https?:\/\//i.test(origin) || !URL.canParse(origin)) return undefined;
  const { host, origin: serialised } = new URL(origin);
  // A browser sends it serialised; whatever else it carries is not a browser's.
  return serialised === origin.toLowerCase() ? host : undefined;
}
