import { createHmac } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect } from "vitest";
import { type Provider, provider } from "../access/fixtures/provider.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { shiftedClock } from "../http/fixtures/site.ts";
import { expectNoSurprise, expectProblem, type Watched, watched } from "./answers.ts";
import { fuzz } from "./fuzz.ts";
import { json, jsonObject, nearly, text } from "./values.ts";

/** An address that failed so often is answered otherwise for a while: here that time has always passed. */
const PAUSE_MS = 100;

let site: Watched;
let clock: ReturnType<typeof shiftedClock>;
let identity: Provider;
/** The keys of the provider, as anyone can read them. */
let published: string;
let key: string;

beforeAll(async () => {
  identity = await provider();
  published = await (await fetch(`${identity.issuer}/jwks`)).text();
  clock = shiftedClock();
  site = await watched({ clock, auth: { jwt: { issuer: identity.issuer, audience: "nexus" } } });
  const made = await identity.sign({ sub: "operator", scope: "admin" });
  const { body } = await site.post("/keys", { userId: "operator", scopes: ["admin"] }, bearer(made));
  ({ key } = body);
});

afterAll(async () => {
  await site[Symbol.asyncDispose]();
  identity[Symbol.dispose]();
});

function bearer(credential: string): Record<string, string> {
  return { authorization: `Bearer ${credential}` };
}

/** What a header can carry. */
function printable(given: string): string {
  return given.replaceAll(/[^\t -~\u0080-\u00ff]/g, "");
}

const PATHS: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/events?limit=1"],
  ["GET", "/events/poll?waitMs=0"],
  ["POST", "/tickets"],
  ["GET", "/health"],
  ["POST", "/mcp"],
];

/** Asks with such headers. @returns the status: 401 is told in so many words, and nothing else comes of it than that. */
async function ask(headers: Record<string, string>, [method, path]: (typeof PATHS)[number] = ["GET", "/events?limit=1"]): Promise<number> {
  clock.advance(PAUSE_MS);
  const response = await fetch(site.url + path, { method, headers: { ...headers, "content-type": "application/json" } });
  const body = await response.text();
  if (response.status === 401) {
    const problem = JSON.parse(body);
    expectProblem(problem, 401);
    expect([problem.code, response.headers.get("www-authenticate")]).toEqual(["UNAUTHENTICATED", "Bearer"]);
  }
  expectNoSurprise(site);
  return response.status;
}

/** The same over a WebSocket: in its first frame. */
async function authenticated(credential: unknown, headers: Record<string, string> = {}): Promise<boolean> {
  clock.advance(PAUSE_MS);
  await using peer = await Peer.open(site.url, { headers });
  const answer = await peer.ask(JSON.stringify({ op: "authenticate", id: "1", credential }));
  expectNoSurprise(site);
  if (answer.kind === "reply") return true;
  expectProblem(answer);
  expect([answer.id, (await peer.closed).reason]).toEqual([null, answer.code]);
  return false;
}

const nearlyKey = fc.oneof(
  nearly(fc.constant("KEY"), ["_", "nexus_", "-", "=", "A", "0"]).map((edited) => edited.replaceAll("KEY", key)),
  fc.tuple(fc.nat(), fc.stringMatching(/^[\w-]$/)).map(([at, letter]) => {
    const place = at % key.length;
    return key.slice(0, place) + letter + key.slice(place + 1);
  }),
  fc.tuple(fc.nat(), fc.nat()).map(([from, to]) => key.slice(from % key.length, to % (key.length + 1))),
  fc.constantFrom("upper", "lower").map((how) => (how === "upper" ? key.toUpperCase() : key.toLowerCase())),
  fc.stringMatching(/^nexus_[0-9a-z]{12}_[A-Za-z0-9_-]{43}$/),
  fc.constantFrom("__proto__", "constructor", "toString____").map((id) => `nexus_${id}_${key.slice(-43)}`),
  text,
);
const scheme = fc.oneof(
  fc.constantFrom("Bearer ", "bearer  ", "BEARER ", "Bearer\t", "Bearer", "Basic ", "", "Bearer Bearer ", "Bearer,"),
  text,
);

fuzz(
  "[access.1] what is nearly an API key, under whatever scheme, lets nobody in",
  300,
  [scheme, nearlyKey, fc.constantFrom("", " ", ",", "\t", "x"), fc.constantFrom(...PATHS)],
  async (before, given, after, path) => {
    // A header loses what is around it.
    const authorization = printable(before + given + after).replaceAll(/^[\t ]+|[\t ]+$/g, "");
    const isKey = /^bearer +(\S+)$/i.exec(authorization)?.[1] === key;
    const status = await ask({ authorization }, path);
    if (isKey) expect(status).not.toBe(401);
    else expect([authorization, status]).toEqual([authorization, 401]);
  },
);

fuzz("[access.1] what is no credential, whatever it is, opens no WebSocket", 100, [fc.oneof(nearlyKey, json)], async (credential) => {
  expect(await authenticated(credential)).toBe(credential === key);
});

const base64url = (value: unknown): string => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const now = (): number => Math.floor(clock.now() / 1_000);
const rarely = <T>(valid: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 5, arbitrary: valid as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: json });

const claims = fc.record(
  {
    sub: rarely(fc.oneof(fc.stringMatching(/^[!-+\--~]{1,20}$/), fc.constantFrom("local", "x".repeat(129), "a b", "", "ä"))),
    aud: rarely(fc.constantFrom("nexus", ["a", "nexus"], "Nexus", [])),
    iss: rarely(fc.constantFrom("own", "own", "own/", "https://another.example")),
    exp: rarely(fc.constantFrom(3_600, 3_600, 1e9, 1e300, -60, -1e9)),
    nbf: rarely(fc.constantFrom(-3_600, 3_600)),
    scope: rarely(fc.constantFrom("events:read", "openid events:read", "admin", "events:read:all", "", "EVENTS:READ")),
    permissions: rarely(fc.array(fc.oneof(fc.constantFrom("events:read", "admin"), json), { maxLength: 3 })),
    more: json,
    long: fc.constantFrom("", "", "x".repeat(9_000)),
  },
  { requiredKeys: ["sub", "aud", "iss", "exp"] },
);

fuzz(
  "[access.1] whatever the provider signs is its sub if that can be a userId and the token is for this server, and nobody otherwise",
  200,
  [claims],
  async (given) => {
    const at = (seconds: unknown): unknown => (typeof seconds === "number" ? now() + seconds : seconds);
    const iss = typeof given.iss === "string" ? given.iss.replace("own", identity.issuer) : given.iss;
    const said = JSON.stringify({ ...given, iss, exp: at(given.exp), ...("nbf" in given && { nbf: at(given.nbf) }) });
    const token = await identity.signText(said);
    const { sub, aud, exp, nbf, scope, permissions } = JSON.parse(said);
    const isUser = typeof sub === "string" && /^[!-+\--~]{1,128}$/.test(sub) && sub !== "local";
    const isHere = [aud].flat().includes("nexus") && iss === identity.issuer;
    const isNow = typeof exp === "number" && exp > now() && (nbf === undefined || (typeof nbf === "number" && nbf < now()));
    // Clocks may differ by some seconds.
    if ([exp, nbf].some((time) => typeof time === "number" && Math.abs(time - now()) < 60)) return;
    const isGood = isUser && isHere && isNow && token.length <= 8_192;
    const words = [scope, permissions].flatMap((given) => (typeof given === "string" ? given.split(" ") : given));
    const mayRead = ["events:read", "events:read:all", "admin"].some((each) => words.includes(each));
    expect([said, await ask(bearer(token))]).toEqual([said, isGood ? (mayRead ? 200 : 403) : 401]);
  },
);

const header = fc.record(
  {
    alg: rarely(fc.constantFrom("ES256", "none", "None", "HS256", "RS256", "EdDSA", "ES256K", "dir", "")),
    kid: rarely(fc.constantFrom("1", "2", "../jwks", "__proto__")),
    typ: rarely(fc.constantFrom("JWT", "at+jwt")),
    jku: rarely(fc.constant("http://127.0.0.1:9/jwks")),
    jwk: rarely(fc.constant("published")),
    x5u: fc.constant("http://127.0.0.1:9/"),
    crit: rarely(fc.constantFrom(["b64"], ["exp"], [])),
    b64: rarely(fc.boolean()),
    enc: fc.constant("A256GCM"),
    zip: fc.constant("DEF"),
  },
  { requiredKeys: [] },
);
const PAYLOAD = { sub: "operator", scope: "admin", aud: "nexus", exp: 9e9 };
const payload = fc.oneof(
  jsonObject.map((more) => ({ ...PAYLOAD, ...more })),
  json,
  fc.integer({ min: 1, max: 2_000 }).map((depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`),
);
/** Who cannot sign tries what is known to have worked somewhere. */
const signature = fc.constantFrom("none", "another's", "public key", "jwks", "empty", "random");

fuzz(
  "[access.1] a token that the provider did not sign is nobody's, whatever it says of its signature",
  250,
  [header, payload, signature, fc.uint8Array({ maxLength: 70 })],
  async (head, said, how, bytes) => {
    const [publicKey] = JSON.parse(published).keys;
    const first = base64url(head.jwk === "published" ? { ...head, jwk: publicKey } : head);
    const second = base64url(typeof said === "object" && said !== null && !Array.isArray(said) ? { ...said, iss: identity.issuer } : said);
    const stranger = await identity.stranger({ sub: "operator", scope: "admin" });
    const signatures: Readonly<Record<string, string>> = {
      none: "",
      "another's": stranger.split(".")[2] as string,
      "public key": createHmac("sha256", Buffer.from(publicKey.x + publicKey.y, "base64url"))
        .update(`${first}.${second}`)
        .digest("base64url"),
      jwks: createHmac("sha256", JSON.stringify(publicKey)).update(`${first}.${second}`).digest("base64url"),
      empty: "AA",
      random: Buffer.from(bytes).toString("base64url"),
    };
    const token = `${first}.${second}.${signatures[how]}`;
    expect([token, await ask(bearer(token))]).toEqual([token, 401]);
  },
);

fuzz(
  "[access.1] a token that was changed anywhere is nobody's, on every channel",
  200,
  [fc.nat(2), nearly(fc.constant("X"), [".", "A", "=", "-", "_", "e30"]), fc.nat(), fc.boolean()],
  async (part, edit, at, isSocket) => {
    const parts = (await identity.sign({ sub: "ann" }, { until: "30d" })).split(".");
    const whole = parts[part] as string;
    const place = at % (whole.length + 1);
    const changed = parts.with(part, whole.slice(0, place) + printable(edit) + whole.slice(place));
    const token = changed.join(".");
    // The bits that are left over at the end of a signature mean nothing.
    const isSame = part === 2 && Buffer.from(changed[2] as string, "base64url").equals(Buffer.from(whole, "base64url"));
    if (isSame || printable(edit).trim() === "") return;
    if (isSocket) expect([token, await authenticated(token)]).toEqual([token, false]);
    else expect([token, await ask(bearer(token))]).toEqual([token, 401]);
  },
);

async function freshTicket(): Promise<string> {
  const response = await fetch(`${site.url}/tickets`, { method: "POST", headers: bearer(key) });
  return /nexus-ticket=([^;]+)/.exec(response.headers.get("set-cookie") ?? "")?.[1] ?? "";
}

const STREAMS = PATHS.slice(1, 2);
const forged = fc.oneof(
  jsonObject.map((more) => ({ userId: "operator", scopes: ["admin"], until: 9e15, ...more })),
  json,
);

fuzz(
  "[access.1] a ticket that was changed or made by somebody else lets nobody in, and nothing but streams is asked with one",
  120,
  [
    fc.oneof(
      fc.tuple(nearly(fc.constant("X"), [".", "=", "A", ";", '"', "%3D"]), fc.nat()).map((edit) => ({ edit })),
      fc.tuple(forged, fc.constantFrom("own", "another")).map((forgery) => ({ forgery })),
    ),
    fc.constantFrom("", "a=b; ", "nexus-ticket=; ", "nexus-ticket=x.y; ", "; ", "=; "),
    fc.constantFrom(...PATHS),
  ],
  async (change: any, before, path) => {
    const ticket = await freshTicket();
    const [, signed] = ticket.split(".");
    expect(await ask({ cookie: `nexus-ticket=${ticket}` }, STREAMS[0])).toBe(200);
    let changed = ticket;
    if (change.edit !== undefined) {
      const [edit, at] = change.edit;
      const place = at % (ticket.length + 1);
      changed = ticket.slice(0, place) + printable(edit) + ticket.slice(place);
    } else {
      const [said, whose] = change.forgery;
      const written = base64url(said);
      changed = `${written}.${whose === "own" ? signed : createHmac("sha256", "guessed").update(written).digest("base64url")}`;
    }
    const read = changed.split(";")[0]?.split("=")[0]?.trim();
    if (read === ticket) return;
    expect([changed, await ask({ cookie: `${before}nexus-ticket=${changed}` }, path)]).toEqual([changed, 401]);
  },
);
