import { BlockList, isIPv4 } from "node:net";

/** IPv4 blocks that are no public addresses. @see IANA IPv4 Special-Purpose Address Registry; RFC 5771 (multicast), RFC 1112 (reserved) */
const IPV4: readonly (readonly [address: string, bits: number, kind: string])[] = [
  ["0.0.0.0", 8, "unspecified"],
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "shared (carrier NAT)"],
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "link-local"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "reserved"],
  ["192.0.2.0", 24, "documentation"],
  ["192.88.99.0", 24, "reserved"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "benchmarking"],
  ["198.51.100.0", 24, "documentation"],
  ["203.0.113.0", 24, "documentation"],
  ["224.0.0.0", 4, "multicast"],
  ["240.0.0.0", 4, "reserved"],
];

/** IPv6 blocks that are no public addresses; what is in none of these is public only within 2000::/3. @see IANA IPv6 Special-Purpose Address Registry */
const IPV6: readonly (readonly [address: string, bits: number, kind: string])[] = [
  ["::", 128, "unspecified"],
  ["::1", 128, "loopback"],
  ["fc00::", 7, "private"],
  ["fe80::", 10, "link-local"],
  ["fec0::", 10, "private"],
  ["ff00::", 8, "multicast"],
  ["2001::", 23, "reserved"],
  ["2001:db8::", 32, "documentation"],
  ["3fff::", 20, "documentation"],
];

/** IPv6 blocks whose addresses stand for an IPv4 address, and in which of their 16-bit groups that begins. */
const EMBEDDED: readonly (readonly [address: string, bits: number, group: number])[] = [
  ["::ffff:0:0", 96, 6], // mapped
  ["64:ff9b::", 96, 6], // NAT64
  ["2002::", 16, 1], // 6to4
];

const BLOCKS = [
  ...IPV4.map(([address, bits, kind]) => ({ kind, list: block(address, bits, "ipv4"), family: "ipv4" as const })),
  ...IPV6.map(([address, bits, kind]) => ({ kind, list: block(address, bits, "ipv6"), family: "ipv6" as const })),
];
const EMBEDDING = EMBEDDED.map(([address, bits, group]) => ({ group, list: block(address, bits, "ipv6") }));
const GLOBAL_UNICAST = block("2000::", 3, "ipv6");

/**
 * What an IP address is for: "public", or why it is not ("loopback", "private", …).
 *
 * An IPv6 address that stands for an IPv4 one is what that one is.
 * @param address as a lookup gives it; a zone (`%eth0`) may follow.
 */
export function kindOfAddress(address: string): string {
  const [bare = ""] = address.split("%");
  const family = isIPv4(bare) ? "ipv4" : "ipv6";
  const within = family === "ipv6" ? EMBEDDING.find(({ list }) => list.check(bare, "ipv6")) : undefined;
  if (within !== undefined) return kindOfAddress(embedded(bare, within.group));
  const special = BLOCKS.find((entry) => entry.family === family && entry.list.check(bare, family));
  if (special !== undefined) return special.kind;
  return family === "ipv4" || GLOBAL_UNICAST.check(bare, "ipv6") ? "public" : "reserved";
}

function block(address: string, bits: number, family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return list;
}

/** The IPv4 address in two groups of an IPv6 one. */
function embedded(address: string, group: number): string {
  // The URL parser writes a dotted ending in hexadecimal.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail = ""] = canonical.split("::");
  const [before, after] = [head, tail].map((part) => part.split(":").filter((digits) => digits !== "")) as [string[], string[]];
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  const groups = [...before, ...zeros, ...after].map((digits) => Number.parseInt(digits, 16));
  return groups
    .slice(group, group + 2)
    .flatMap((digits) => [digits >> 8, digits & 0xff])
    .join(".");
}
