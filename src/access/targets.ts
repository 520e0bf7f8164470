import dns, { type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { NexusError } from "../errors.ts";
import { kindOfAddress } from "./address.ts";

/** Names that are never those of a public server: of this machine, or of the network it stands in. */
const LOCAL_NAME = /(?:^|\.)(?:localhost|localdomain|local|internal|home\.arpa)$/;

/** Where deliveries over HTTP may go. */
export interface Target {
  readonly url: URL;
  /** Resolves a name for each connection, and refuses with TARGET_REFUSED unless every address may be dialled. */
  readonly lookup: LookupFunction;
}

/**
 * The URL as a target: https to public addresses; with `allowLoopback` also http and https to this machine.
 *
 * @throws OPTION_INVALID for what is no URL · TARGET_REFUSED for what can be seen without dialling. Neither tells more of the URL than its host.
 * @see docs/contract.md [access.6]
 */
export function targetOf(text: string, { allowLoopback }: { readonly allowLoopback: boolean }): Target {
  if (typeof text !== "string" || !URL.canParse(text)) throw new NexusError("OPTION_INVALID", { option: "url", reason: "it is not a URL" });
  const url = new URL(text);
  // Names end in one dot at most that changes nothing, and IPv6 stands in brackets.
  const host = url.hostname.replace(/\.$/, "").replace(/^\[|\]$/g, "");
  if (url.username !== "" || url.password !== "")
    throw new NexusError("OPTION_INVALID", {
      option: "url",
      reason: "it carries a user name or password; a signature or a path can tell who calls",
    });
  const kind = isIP(host) === 0 ? (LOCAL_NAME.test(host) ? "local" : "name") : kindOfAddress(host);
  const loopback = kind === "loopback" || (kind === "local" && /(?:^|\.)localhost$/.test(host));
  if (!(url.protocol === "https:" || (url.protocol === "http:" && allowLoopback && loopback))) refuse(host, "it is not https");
  if (kind !== "name" && kind !== "public" && !(allowLoopback && loopback)) refuse(host, reasonOf(kind));
  // Without TLS nothing proves who answers: what is called localhost has to be this machine.
  return {
    url,
    lookup: checkedLookup((found) => (found === "loopback" ? allowLoopback : found === "public" && url.protocol === "https:")),
  };
}

/** Node's own lookup, whose answer is checked before it is dialled: so a name that changes its address between two calls is no way in. */
function checkedLookup(mayDial: (kind: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    dns.lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) return callback(error, "", 0);
      const refused = addresses.map(({ address }) => kindOfAddress(address)).find((kind) => !mayDial(kind));
      if (refused !== undefined) return callback(new NexusError("TARGET_REFUSED", { host: hostname, reason: reasonOf(refused) }), "", 0);
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? "", first?.family ?? 0);
    });
  };
}

function reasonOf(kind: string): string {
  return kind === "local" ? "it is a name of this machine or its network" : `its address is ${kind}`;
}

function refuse(host: string, reason: string): never {
  throw new NexusError("TARGET_REFUSED", { host, reason });
}
