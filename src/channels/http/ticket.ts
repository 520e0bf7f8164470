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

/** What surrounds the cookie of a ticket. */
export interface TicketPlace {
  readonly path: string;
  readonly secure: boolean;
}

/** The cookie that a browser is to send with streams, and with nothing else. @param lastsMs from now on, whatever the browser's clock shows. */
export function ticketCookie(ticket: string, lastsMs: number, place: TicketPlace): string {
  return cookie(`${NAME}=${ticket}`, Math.ceil(lastsMs / 1_000), place);
}

/** Takes it away again. */
export function noTicketCookie(place: TicketPlace): string {
  return cookie(`${NAME}=`, 0, place);
}

function cookie(pair: string, seconds: number, { path, secure }: TicketPlace): string {
  return [pair, `Path=${path}`, `Max-Age=${seconds}`, "HttpOnly", "SameSite=Strict", ...(secure ? ["Secure"] : [])].join("; ");
}
