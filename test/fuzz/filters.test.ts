import fc from "fast-check";
import { type Nexus, NexusError } from "nexus-event-system";
import { afterAll, beforeAll, expect } from "vitest";
import { readFilterQuery } from "../../src/channels/http/query.ts";
import { filterJson, filterQuery } from "../../src/client/wanted.ts";
import { INDEXED_FIELDS, parseFilter, parseInstant } from "../../src/events/filter.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { Line } from "../mcp/fixtures/wire.ts";
import { expectAnswer, expectNoSurprise, expectProblem, type Watched, watched } from "./answers.ts";
import { fuzz } from "./fuzz.ts";
import { json, nearly, text } from "./values.ts";

const TYPES = ["order.paid", "order.sent", "order", "row", "row.rejected.twice"];
const USERS = ["ann", "bob", "c%/d"];
const VALUES: Readonly<Record<string, readonly string[]>> = {
  type: [...TYPES, "order.*", "row.*", "*", "or*", "*.paid", "nothing", "workflow.*"],
  channel: ["app", "api", "mcp", "cli", "schedule", "none"],
  workflow: ["w", "W"],
  runId: ["r"],
  sessionId: ["word", "another"],
  userId: [...USERS, "local"],
  correlationId: ["c1", "c2"],
  broadcast: ["include", "only", "none"],
};

let site: Watched;
let peer: Peer;
let line: Line;

beforeAll(async () => {
  site = await watched();
  const { app } = site;
  for (let n = 0; n < 60; n++) {
    const of = { userId: USERS[n % 4], sessionId: n % 3 === 0 ? "word" : undefined, correlationId: n % 2 === 0 ? "c1" : undefined };
    const type = TYPES[n % TYPES.length] as string;
    if (n % 7 === 0) await app.broadcastEvent(type, { n }, of);
    else await app.emitEvent(type, { n }, of);
  }
  await site.post("/events", { type: "order.paid", data: { n: 60 } });
  peer = await Peer.open(site.url);
  line = await Line.open(site.url, "2026-07-28");
});

afterAll(async () => {
  await peer[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

/** Fields and values that mean something, and some that do not. */
const field = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...Object.keys(VALUES)) }, { weight: 1, arbitrary: text });
const valueOf = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...(Object.hasOwn(VALUES, name) ? (VALUES[name] as string[]) : [""])) },
    { weight: 1, arbitrary: text },
  );
// A query has no lone surrogates, and no comma within a value.
const sayable = (value: string): string => value.toWellFormed().replaceAll(",", "");
const filter: fc.Arbitrary<Record<string, string | string[]>> = fc
  .array(
    field.chain((name) => fc.tuple(fc.constant(sayable(name)), fc.array(valueOf(name).map(sayable), { minLength: 1, maxLength: 4 }))),
    { maxLength: 3 },
  )
  .map((fields) => Object.fromEntries(fields.map(([name, values]) => [name, values.length === 1 ? (values[0] as string) : values])));

type Told = { readonly ids: readonly string[] } | { readonly code: string; readonly field: unknown; readonly reason: unknown };

const refused = ({ code, field: name, reason }: any): Told => ({ code, field: name, reason });
const picked = (events: readonly any[]): Told => ({ ids: events.map(({ id }) => id) });
const CONTROLS = ["after", "before", "limit", "order", "waitMs", "onLoss", "lastEventId"];

/** How each channel is asked for all that a filter picks. */
const CHANNELS: Readonly<Record<string, (filter: Record<string, string | string[]>) => Promise<Told>>> = {
  "in process": async (given) => {
    try {
      return picked((await (site.app as Nexus).getEvents({ ...(given as object), after: "earliest", limit: 1000 })).events);
    } catch (error) {
      if (!NexusError.is(error, "FILTER_INVALID")) throw error;
      return refused({ code: error.code, ...error.details });
    }
  },
  "GET /events": async (given) => {
    const body = await expectAnswer(await fetch(`${site.url}/events?${queryOf(given)}&after=earliest&limit=1000`));
    return body.events === undefined ? refused(body) : picked(body.events);
  },
  "GET /events/poll": async (given) => {
    const body = await expectAnswer(await fetch(`${site.url}/events/poll?${queryOf(given)}&after=earliest&limit=1000&waitMs=0`));
    return body.events === undefined ? refused(body) : picked(body.events);
  },
  "GET /events/stream": async (given) => {
    const response = await fetch(`${site.url}/events/stream?${queryOf(given)}&after=earliest`);
    if (!response.ok) return refused(await expectAnswer(response));
    await using stream = new Stream(response);
    const events: any[] = [];
    for (;;) {
      const frame = await stream.frame();
      if (frame.event === "checkpoint" && !frame.data.hasMore) return picked(events);
      if (frame.event === undefined) events.push(frame.data);
    }
  },
  WebSocket: async (given) => {
    const events: any[] = [];
    peer.send({ op: "subscribe", id: "1", filter: given, after: "earliest" });
    for (;;) {
      const frame = await peer.next();
      if (frame.kind === "problem") {
        expectProblem(frame);
        return refused(frame);
      }
      if (frame.kind === "event") events.push(frame.event);
      if (frame.kind !== "checkpoint" || frame.hasMore) continue;
      peer.send({ op: "unsubscribe", id: "1" });
      await peer.kind("reply");
      return picked(events);
    }
  },
  MCP: async (given) => {
    const events: any[] = [];
    for (let after = "earliest"; ; ) {
      const { message } = await line.call("nexus_list_events", { filter: given, after });
      const { isError, content, structuredContent } = message.result;
      if (isError === true) {
        const problem = JSON.parse(content[1].text);
        expectProblem(problem);
        return refused(problem);
      }
      events.push(...structuredContent.events);
      if (!structuredContent.hasMore) return picked(events);
      after = structuredContent.cursor;
    }
  },
};

function queryOf(given: Record<string, string | string[]>): string {
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(given)) for (const value of [values].flat()) query.append(name, value);
  return query.toString();
}

fuzz(
  "[subscription.6] a filter picks the same events on every channel, as JSON and as a query, or is refused in the same words",
  60,
  [filter],
  async (given) => {
    // What stands beside a filter in a query is no field of it anywhere.
    if (Object.keys(given).some((name) => CONTROLS.includes(name) || name === "since" || name === "until")) return;
    const [[, first], ...others] = (await Promise.all(
      Object.entries(CHANNELS).map(async ([name, ask]) => [name, await ask(given)] as const),
    )) as [readonly [string, Told], ...(readonly [string, Told])[]];
    for (const [name, told] of others) expect([name, told]).toEqual([name, first]);
    expectNoSurprise(site);
  },
  [[{ broadcast: ["", ""] }], [Object.fromEntries([["__proto__", ""]])]],
);

const anyFilter = fc.dictionary(
  fc.oneof(fc.constantFrom(...INDEXED_FIELDS, "broadcast", "since", "until", "__proto__"), text),
  fc.oneof(text, fc.array(text, { maxLength: 70 }), json, fc.constantFrom("*", "a.*", "include", "2026-11-23T10:00:00Z", 1e300)),
  { maxKeys: 5, noNullPrototype: true },
);

fuzz(
  "whatever is given for a filter is one, or refused with the field and the reason",
  2_000,
  [anyFilter, fc.boolean()],
  (given, times) => {
    try {
      parseFilter(given, { times });
    } catch (error) {
      if (!NexusError.is(error, "FILTER_INVALID")) throw error;
      expect(typeof error.details.field).toBe("string");
    }
  },
);

const meant = fc.record(
  {
    type: fc.uniqueArray(fc.constantFrom("a", "b.*", "c", "*"), { minLength: 1 }),
    userId: fc.uniqueArray(fc.constantFrom("ann", "bob", "x/y%", "ä b"), { minLength: 1 }),
    broadcast: fc.constantFrom("include", "only"),
    since: fc.oneof(fc.date({ noInvalidDate: true }), fc.double({ noNaN: true, noDefaultInfinity: true })),
    until: fc.oneof(fc.date({ noInvalidDate: true }), fc.double({ noNaN: true, noDefaultInfinity: true })),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Record<string, any>>;

fuzz(
  "[client.1] a filter that is written as JSON, or by the client as a query, is read back as one that means the same",
  500,
  [meant, fc.nat()],
  (given, at) => {
    const { since, until, ...fields } = given;
    expect(parseFilter(JSON.parse(JSON.stringify(filterJson(parseFilter(fields))))).key).toBe(parseFilter(fields).key);
    const read = parseFilter(given, { times: true });
    const query = new URLSearchParams();
    for (const [name, values] of Object.entries(filterQuery(read)))
      for (const value of [values].flat()) if (value !== undefined) query.append(name, String(value));
    const again = parseFilter(readFilterQuery(query, []).filter, { times: true });
    // Around each bound, and anywhere.
    const near = [since, until].flatMap((time) => (time === undefined ? [] : [-1, 0, 1].map((more) => Math.floor(Number(time)) + more)));
    for (const timestamp of [at, ...near].filter((time) => time >= 0 && time < 8.64e15)) {
      const event = {
        id: "1",
        sequence: 1,
        timestamp,
        type: "a",
        userId: "ann",
        channel: "app",
        source: "s",
        visibility: "public",
        data: 1,
      } as const;
      expect([timestamp, again.matches(event)]).toEqual([timestamp, read.matches(event)]);
    }
  },
);

const two = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most });
const pad = (value: number, length = 2): string => String(value).padStart(length, "0");
const moment = fc.record({
  year: fc.integer({ min: 0, max: 9999 }),
  month: two(13),
  day: two(32),
  hour: two(25),
  minute: two(61),
  second: fc.option(two(61)),
  fraction: fc.option(fc.stringMatching(/^\d{1,12}$/)),
  zone: fc.oneof(
    fc.constantFrom("Z", "z"),
    fc.tuple(fc.constantFrom("+", "-"), two(25), two(61)).map(([sign, hours, minutes]) => `${sign}${pad(hours)}:${pad(minutes)}`),
  ),
  t: fc.constantFrom("T", "t", " "),
});

const NEW_YEAR = { year: 2026, month: 1, day: 1, hour: 0, minute: 0, second: 0, fraction: null, zone: "Z", t: "T" } as const;

fuzz(
  "a moment is read as RFC 3339 has it, and what is no moment of the calendar is refused",
  3_000,
  [moment],
  (given) => {
    const { year, month, day, hour, minute, second, fraction, zone, t } = given;
    const seconds = second === null ? "" : `:${pad(second)}${fraction === null ? "" : `.${fraction}`}`;
    const written = `${pad(year, 4)}-${pad(month)}-${pad(day)}${t}${pad(hour)}:${pad(minute)}${seconds}${zone}`;
    let read: number | undefined;
    try {
      read = parseInstant("since", written);
    } catch (error) {
      if (!NexusError.is(error, "FILTER_INVALID")) throw error;
    }
    expect([written, read]).toEqual([written, momentOf(given)]);
  },
  [[{ ...NEW_YEAR, month: 2, day: 30 }], [{ ...NEW_YEAR, fraction: "0020000000" }]],
);

/** RFC 3339, section 5.6, as numbers; without a leap second, which no clock of ours has, and with seconds that may be left out. */
function momentOf({ year, month, day, hour, minute, second, fraction, zone, t }: any): number | undefined {
  const [, sign, hours = "0", minutes = "0"] = /^([+-])(\d\d):(\d\d)$/.exec(zone) ?? [];
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  if (t === " " || day < 1 || day > days || hour > 23 || minute > 59 || (second ?? 0) > 59) return undefined;
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const ms = second === null || fraction === null ? 0 : Number(fraction.padEnd(3, "0").slice(0, 3));
  date.setUTCHours(hour, minute, second ?? 0, ms);
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return date.getTime() - (sign === "-" ? -offset : offset);
}

const nearMoment = nearly(fc.constantFrom("2026-11-23T10:00:00Z", "2026-11-23T10:00:00.123456789+01:00", "1764000000000"));

fuzz("what is nearly a moment is one, or refused", 1_000, [nearMoment], (given) => {
  try {
    expect(Number.isFinite(parseInstant("since", given))).toBe(true);
  } catch (error) {
    if (!NexusError.is(error, "FILTER_INVALID")) throw error;
  }
});
