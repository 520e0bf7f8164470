import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";
import { NexusError } from "../../errors.ts";

/** Where requests came from, as long as they are there: a web-standard one does not say. */
const peers = new WeakMap<Request, string>();

export function keepPeer(request: Request, { socket }: Pick<IncomingMessage, "socket">): void {
  if (socket.remoteAddress !== undefined) peers.set(request, bare(socket.remoteAddress));
}

/** Addresses of proxies that are believed when they say for whom they ask. */
export class TrustedProxies {
  readonly #list = new BlockList();

  /** @param given addresses, or networks as 10.0.0.0/8. @throws OPTION_INVALID */
  constructor(given: readonly string[]) {
    for (const entry of given) {
      const [address = "", prefix] = entry.split("/", 2);
      const family = isIP(address);
      const bits = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix);
      if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 6 ? 128 : 32))
        throw new NexusError("OPTION_INVALID", { option: "http.trustedProxies", reason: `${entry} is no address and no network` });
      this.#list.addSubnet(address, bits, family === 6 ? "ipv6" : "ipv4");
    }
  }

  /** Who asked: the nearest in `X-Forwarded-For` that is no proxy of ours; `undefined` where nothing is known. */
  addressOf(request: Request): string | undefined {
    const peer = peers.get(request);
    if (peer === undefined || !this.#trusts(peer)) return peer;
    const forwarded = (request.headers.get("x-forwarded-for") ?? "").split(",").map((each) => bare(each.trim()));
    return forwarded.reverse().find((address) => isIP(address) !== 0 && !this.#trusts(address)) ?? peer;
  }

  #trusts(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? "ipv6" : "ipv4");
  }
}

/** An IPv4 address as such, also where it came inside an IPv6 one. */
function bare(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, "");
}
