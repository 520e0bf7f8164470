import { subscribe, unsubscribe } from "node:diagnostics_channel";
import dns from "node:dns";
import fc from "fast-check";
import { NexusError } from "nexus-event-system";
import { webhook } from "nexus-event-system/sinks";
import { afterAll, beforeAll, expect, vi } from "vitest";
import { authenticate, cookie } from "../access/fixtures/people.ts";
import { ERAS, type Era, Line } from "../mcp/fixtures/wire.ts";
import { receiver } from "../sinks/receiver.ts";
import { expectNoSurprise, type Watched, watched } from "./answers.ts";
import { fuzz } from "./fuzz.ts";
import { nearly } from "./values.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

let site: Watched;
const lines = new Map<Era, Line>();
let listener: Awaited<ReturnType<typeof receiver>>;
/** Sockets that were opened from here on. In this file only the product opens any: requests come without a network. */
const dialled: unknown[] = [];
const heard = (message: unknown): void => void dialled.push(message);
/** What every name there is stands for. */
let addresses: readonly string[] = [];

beforeAll(async () => {
  site = await watched({ auth: { authenticate } });
  listener = await receiver();
  for (const era of ERAS) lines.set(era, await Line.open("http://localhost", era, cookie("ann"), (request) => site.app.fetch(request)));
  vi.spyOn(dns, "lookup").mockImplementation(((_name: string, _options: object, done: (error: null, found: object[]) => void) => {
    const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    done(null, found);
  }) as never);
  subscribe("net.client.socket", heard);
});

afterAll(async () => {
  unsubscribe("net.client.socket", heard);
  vi.restoreAllMocks();
  await listener[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

/** IPv4 blocks that nobody outside can be reached at. @see IANA IPv4 Special-Purpose Address Registry */
const SPECIAL = [
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24",
  "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4",
]
  .join(" ")
  .split(" ")
  .map((block) => {
    const [address = "", bits = ""] = block.split("/");
    const first = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    return [first, first + 2 ** (32 - Number(bits)) - 1] as const;
  });

function isSpecial(address: number): boolean {
  return SPECIAL.some(([first, last]) => address >= first && address <= last);
}

const special = fc
  .constantFrom(...SPECIAL)
  .chain(([first, last]) => fc.oneof(fc.constantFrom(first, last), fc.integer({ min: first, max: last })));
/** Just outside of them too. */
const anyAddress = fc.oneof(
  special,
  fc.constantFrom(...SPECIAL).chain(([first, last]) => fc.constantFrom((first + 2 ** 32 - 1) % 2 ** 32, (last + 1) % 2 ** 32)),
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
);

interface Spelling {
  readonly parts: 1 | 2 | 3 | 4;
  readonly bases: readonly string[];
  readonly style: "plain" | "wide" | "percent" | "circled";
  readonly end: string;
}
const spelling: fc.Arbitrary<Spelling> = fc.record({
  parts: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, 4 as const),
  bases: fc.array(fc.constantFrom("decimal", "decimal", "octal", "hex", "HEX", "zeros"), { minLength: 4, maxLength: 4 }),
  style: fc.constantFrom("plain" as const, "plain" as const, "wide" as const, "percent" as const),
  end: fc.constantFrom("", "", "."),
});

function spelt(address: number, { parts, bases, style, end }: Spelling): string {
  const bytes = [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff);
  // What is left out before the last part is in it.
  const last = bytes.slice(parts - 1).reduce((sum, byte) => sum * 256 + byte, 0);
  const numbers = [...bytes.slice(0, parts - 1), last];
  const plain = numbers
    .map((value, n) => {
      if (bases[n] === "octal") return `0${value.toString(8)}`;
      if (bases[n] === "hex") return `0x${value.toString(16)}`;
      if (bases[n] === "HEX") return `0X00${value.toString(16).toUpperCase()}`;
      return bases[n] === "zeros" ? `0000${value.toString(8)}` : String(value);
    })
    .join(".");
  return style === "plain" ? plain + end : Array.from(plain, (char) => (style === "wide" ? wide(char) : percent(char))).join("") + end;
}

/** What Unicode has for the same character elsewhere. */
function wide(char: string): string {
  return char === "." ? "\u3002" : String.fromCharCode(char.charCodeAt(0) + 0xfee0);
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16)}`;
}

/** IPv6 addresses that stand for an IPv4 one, or lead to it. */
const within = fc.constantFrom("mapped", "long", "dotted", "nat64", "6to4", "compatible", "local nat64", "teredo");
function sixOf(address: number, how: string): string {
  const [high, low] = [(address >>> 16).toString(16), (address & 0xffff).toString(16)];
  const dotted = [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
  const written: Readonly<Record<string, string>> = {
    mapped: `::ffff:${high}:${low}`,
    long: `0000:0:0:0:0:FFFF:${high}:${low}`,
    dotted: `::ffff:${dotted}`,
    nat64: `64:ff9b::${dotted}`,
    "6to4": `2002:${high}:${low}::1`,
    compatible: `::${dotted}`,
    "local nat64": `64:ff9b:1::${high}:${low}`,
    teredo: `2001:0:${high}:${low}::1`,
  };
  return `[${written[how]}]`;
}
/** Those that reach nobody, whatever stands in them. */
const NOWHERE = ["compatible", "local nat64", "teredo"];

const around = fc.record({
  before: fc.constantFrom("https://", "https://", "HTTPS://", " https://", "https:\\\\", "https:", "ht\ntps://"),
  after: fc.constantFrom("", "/", "/x?y#z", ":8443/", "\\@example.com", "/@example.com", "#@example.com", "?@example.com"),
});

function refusal(url: string): string | undefined {
  try {
    webhook({ url, secret });
    return undefined;
  } catch (error) {
    if (!NexusError.is(error)) throw error;
    return error.code;
  }
}

fuzz(
  "[access.6] an IPv4 address is taken only if it is public, however it is spelt",
  2_000,
  [anyAddress, spelling, around],
  (address, how, { before, after }) => {
    const url = before + spelt(address, how) + after;
    expect([url, refusal(url)]).toEqual([url, isSpecial(address) ? "TARGET_REFUSED" : undefined]);
  },
);

fuzz(
  "[access.6] an IPv6 address that stands for an IPv4 one is taken only if that is public",
  1_000,
  [anyAddress, within, around],
  (address, how, { before, after }) => {
    const url = before + sixOf(address, how) + after;
    expect([url, refusal(url)]).toEqual([url, isSpecial(address) || NOWHERE.includes(how) ? "TARGET_REFUSED" : undefined]);
  },
);

const hidden = fc.oneof(
  fc.tuple(special, spelling).map(([address, how]) => spelt(address, how)),
  fc.tuple(special, within).map(([address, how]) => sixOf(address, how)),
  fc.constantFrom(
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fc00::1]",
    "[ff02::1]",
    "[2001:db8::1]",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "x.internal",
    "x.local",
    "loc%61lhost",
    "ⓛocalhost",
  ),
);
const user = fc.constantFrom("", "", "example.com@", "ann:hunter2@", "example.com%40@", "@");

fuzz(
  "[access.6] [mcp.4] an agent's callback never goes to an address that is not public, and nothing is dialled to find out",
  150,
  [fc.constantFrom(...ERAS), hidden, around, user, fc.boolean()],
  async (era, host, { before, after }, name, isSecure) => {
    dialled.length = 0;
    const url = (isSecure ? before : before.replace(/https/i, "http")) + name + host + after;
    const { message } = await (lines.get(era) as Line).ask("events/subscribe", { name: "nexus.event", delivery: { url, secret } });
    expect([url, message.error.code, message.error.data.code]).toEqual([
      url,
      -32_602,
      expect.stringMatching(/^(?:TARGET_REFUSED|OPTION_INVALID)$/),
    ]);
    expect(JSON.stringify(message)).not.toContain("hunter2");
    expect(dialled).toEqual([]);
    expectNoSurprise(site);
  },
);

const resolved = fc.oneof(
  special.map((address) => spelt(address, { parts: 4, bases: [], style: "plain", end: "" })),
  fc.tuple(special, within).map(([address, how]) => sixOf(address, how).slice(1, -1)),
  fc.constantFrom("127.0.0.1", "::1", "fe80::1%eth0", "fd00::1"),
);

fuzz(
  "[access.6] [mcp.4] a name that leads to an address that is not public reaches nobody, whatever else it leads to",
  100,
  [
    fc.constantFrom(...ERAS),
    fc.array(resolved, { maxLength: 3 }),
    resolved,
    fc.nat(),
    fc.constantFrom("hooks.example.com", "xn--nxasmq6b.example", "a.b.c.d.e"),
  ],
  async (era, others, address, at, name) => {
    dialled.length = 0;
    const place = at % (others.length + 1);
    addresses = [...others.slice(0, place), address, ...others.slice(place)];
    const url = `https://${name}:${listener.port}/`;
    const { message } = await (lines.get(era) as Line).ask("events/subscribe", { name: "nexus.event", delivery: { url, secret } });
    expect([addresses, message.error?.code]).toEqual([addresses, -32_015]);
    // It was on its way: the sockets of the sentence above would have been heard of.
    expect([dialled.length > 0, listener.connections]).toEqual([true, 0]);
    expectNoSurprise(site);
  },
);

fuzz(
  "[access.6] what is nearly an address is refused, or a name to be looked up",
  500,
  [
    nearly(
      fc.tuple(around, user, hidden).map(([{ before, after }, name, host]) => before + name + host + after),
      ["@", "\\", "/", ".", "[", "]", "%00", "%2e", "0x", "\t", ":"],
    ),
  ],
  (url) => {
    const refused = refusal(url);
    if (refused === undefined) {
      const { protocol, hostname } = new URL(url);
      const isNumber = /^\d[\d.]*$/.test(hostname);
      const address = hostname.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
      expect([url, protocol, isNumber && isSpecial(address)]).toEqual([url, "https:", false]);
    } else expect(["TARGET_REFUSED", "OPTION_INVALID"]).toContain(refused);
  },
);
