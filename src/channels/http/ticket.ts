import { hostOf } from "./guard.ts";

const NAME = "nexus-ticket";

/**
 * The ticket that a browser sends with a request of our own page.
 *
 * @returns `undefined` too where another site's page makes the browser send it.
 */
export function ticketOf(headers: Readonly<Record<"cookie" | "origin" | "host" | "site", string | undefined>>): string | undefined {
  const { cookie = "", origin, host, site } = headers;
  if (origin !== undefined && hostOf(origin) !== host?.toLowerCase()) return undefined;
  if (site !== undefined && site !== "same-origin") return undefined;
  for (const pair of cookie.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === NAME && value !== undefined) return value;
  }
  return undefined;
}

/** The cookie that a browser is to send with streams, and with nothing else. */
export function ticketCookie(ticket: string, expiresAt: number, path: string, secure: boolean): string {
  const parts = [`${NAME}=${ticket}`, `Path=${path}`, `Expires=${new Date(expiresAt).toUTCString()}`, "HttpOnly", "SameSite=Strict"];
  return [...parts, ...(secure ? ["Secure"] : [])].join("; ");
}
