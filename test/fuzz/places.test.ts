import fc from "fast-check";
import { type Nexus, NexusError } from "nexus-event-system";
import { createClient } from "nexus-event-system/client";
import { afterAll, beforeAll, expect } from "vitest";
import { cursorOf, positionOf } from "../../src/log/cursor.ts";
import type { Log } from "../../src/log/log.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { Line } from "../mcp/fixtures/wire.ts";
import { expectAnswer, expectNoSurprise, expectProblem, type Watched, watched } from "./answers.ts";
import { fuzz } from "./fuzz.ts";
import { nearly, text } from "./values.ts";

const EVENTS = 20;
let site: Watched;
let peer: Peer;
let line: Line;
let client: ReturnType<typeof createClient>;
/** Of the whole log: where it begins, and after each event. */
let cursors: readonly string[];

beforeAll(async () => {
  site = await watched();
  for (let n = 0; n < EVENTS; n++) await site.app.emitEvent("n", { n });
  const { events } = await site.app.getEvents({ after: "earliest", limit: 1000 });
  const [first = ""] = events.map(({ cursor }) => cursor);
  cursors = [`${first.split(".")[0]}.0`, ...events.map(({ cursor }) => cursor)];
  peer = await Peer.open(site.url);
  line = await Line.open(site.url, "2026-07-28");
  client = createClient({ url: site.url });
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await peer[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

/** What is told of a place: how many events are after it, or why it is none. */
type Told = { readonly left: number } | { readonly code: string; readonly reason: unknown };

const WHY: Readonly<Record<string, readonly [code: string, reason: unknown]>> = {
  invalid: ["CURSOR_INVALID", undefined],
  unknown: ["CURSOR_UNKNOWN", "unknown"],
  ahead: ["CURSOR_UNKNOWN", "ahead"],
  expired: ["CURSOR_EXPIRED", undefined],
};

function refused(problem: any): Told {
  return { code: problem.code, reason: problem.reason };
}

/** A pushed stream says it in its first frame, and goes on. */
function resumed({ recovered, reason, from }: any): Told {
  if (recovered === true) return { left: EVENTS - (Number(from.split(".")[1]) - (cursors.length - 1 - EVENTS)) };
  const [code = "", why] = WHY[reason] ?? [];
  return { code, reason: why };
}

async function paged(path: string, headers: Record<string, string> = {}): Promise<Told> {
  const body = await expectAnswer(await fetch(site.url + path, { headers }));
  return body.events === undefined ? refused(body) : { left: body.events.length };
}

async function pushed(path: string, headers: Record<string, string> = {}): Promise<Told> {
  const response = await fetch(site.url + path, { headers });
  await using stream = new Stream(response);
  return resumed((await stream.next("resume")).data);
}

async function thrown(call: () => Promise<readonly unknown[]>): Promise<Told> {
  try {
    return { left: (await call()).length };
  } catch (error) {
    if (!NexusError.is(error)) throw error;
    return refused({ ...error.details, code: error.code });
  }
}

const MOST = "type=n&limit=1000";
const encoded = encodeURIComponent;

/** How each channel is told of a place that has the characters of a header. */
const CHANNELS: Readonly<Record<string, (place: string) => Promise<Told>>> = {
  "in process": (after) => thrown(async () => (await (site.app as Nexus).getEvents({ type: "n", after, limit: 1000 })).events),
  "the client": (after) => thrown(async () => (await client.getEvents({ type: "n", after, limit: 1000 })).events),
  "GET /events": (place) => paged(`/events?${MOST}&after=${encoded(place)}`),
  "Last-Event-ID of GET /events": (place) => paged(`/events?${MOST}`, { "last-event-id": place }),
  "GET /events/poll": (place) => paged(`/events/poll?${MOST}&waitMs=0&after=${encoded(place)}`),
  "GET /events/stream": (place) => pushed(`/events/stream?type=n&after=${encoded(place)}`),
  "lastEventId of GET /events/stream": (place) => pushed(`/events/stream?type=n&after=latest&lastEventId=${encoded(place)}`),
  "Last-Event-ID of GET /events/stream": (place) => pushed("/events/stream?type=n&after=earliest", { "last-event-id": place }),
  WebSocket: async (after) => {
    peer.send({ op: "subscribe", id: "1", filter: { type: "n" }, after });
    const frame = await peer.next();
    peer.send({ op: "unsubscribe", id: "1" });
    await peer.kind("reply");
    return resumed(frame);
  },
  "MCP, page by page": async (after) => {
    const { result } = (await line.call("nexus_list_events", { filter: { type: "n" }, after })).message;
    if (result.isError !== true) return { left: result.structuredContent.events.length };
    const problem = JSON.parse(result.content[1].text);
    expectProblem(problem);
    return refused(problem);
  },
  "MCP, waiting": async (cursor) => {
    const { result } = (await line.call("nexus_wait_for_events", { filter: { type: "n" }, cursor, waitMs: 0 })).message;
    return result.isError === true ? refused(JSON.parse(result.content[1].text)) : { left: result.structuredContent.events.length };
  },
};

/** Cursors there are, such that could be, and what is nearly one. */
const cursor: fc.Arbitrary<string> = fc.oneof(
  fc.nat().map((n) => cursors[n % cursors.length] as string),
  fc
    .tuple(fc.nat(), fc.stringMatching(/^[0-9a-z]{0,8}$/))
    .map(([n, check]) => `${cursors[n % cursors.length]?.split(".", 2).join(".")}.${check}`),
  fc.tuple(fc.nat(), fc.bigInt({ min: -5n, max: 10n ** 17n })).map(([n, at]) => `${cursors[n % cursors.length]?.split(".")[0]}.${at}`),
  fc.stringMatching(/^[0-9a-z]{10}\.\d{1,4}(\.[0-9a-z]{1,7})?$/),
  fc.constantFrom("earliest", "latest", "EARLIEST", "time:", "time:0", "time:9999999999999999", "time:2026-02-30T00:00:00Z", "0", "-1"),
  fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-12-31") }).map((date) => `time:${date.toISOString()}`),
);
/** Without what no header carries, and what is no place at all: nothing. */
const place: fc.Arbitrary<string> = fc
  .oneof({ weight: 2, arbitrary: cursor }, { weight: 1, arbitrary: nearly(cursor, [".", ":", "0", "earliest", "time:"]) }, text)
  .map((given) => given.replaceAll(/[^!-~]/g, ""))
  .filter((given) => given !== "");

fuzz("[log.6] [subscription.1] a place means the same on every channel, or is refused for the same reason", 60, [place], async (given) => {
  const [[, first], ...others] = (await Promise.all(
    Object.entries(CHANNELS).map(async ([name, ask]) => [name, await ask(given)] as const),
  )) as [readonly [string, Told], ...(readonly [string, Told])[]];
  for (const [name, told] of others) expect([name, told]).toEqual([name, first]);
  if (cursors.includes(given)) expect(first).toEqual({ left: Math.min(EVENTS, cursors.length - 1 - cursors.indexOf(given)) });
  expectNoSurprise(site);
});

const epoch = fc.stringMatching(/^[0-9a-z]{10}$/);
const sequence = fc.integer({ min: 1, max: 1e9 });

fuzz(
  "[log.6] a cursor that is written is read as its place, and one of any other place, event or log is not",
  300,
  [epoch, sequence, text, text, sequence],
  async (own, at, id, otherId, head) => {
    const log = {
      head: async () => ({ epoch: own, floor: 0, sequence: head }),
      read: async ({ after }: any) => ({ events: [{ sequence: after + 1, id }] }),
    };
    const read = async (given: string): Promise<number | string> => {
      try {
        return await positionOf(log as unknown as Log, given);
      } catch (error) {
        if (!NexusError.is(error)) throw error;
        return error.code;
      }
    };
    expect(await read(cursorOf(own, at, id))).toBe(at <= head ? at : "CURSOR_UNKNOWN");
    expect(await read(cursorOf(own, at))).toBe(at <= head ? at : "CURSOR_UNKNOWN");
    if (id.toWellFormed() !== otherId.toWellFormed()) expect(await read(cursorOf(own, at, otherId))).toBe("CURSOR_UNKNOWN");
    const another = own.split("").reverse().join("");
    expect(await read(cursorOf(another, at, id))).toBe(another === own && at <= head ? at : "CURSOR_UNKNOWN");
  },
);

fuzz(
  "[client.1] a time as a Date means the same in process and from afar, also when it is none",
  60,
  [fc.date()],
  async (after) => {
    const asked = (app: Pick<Nexus, "subscribe">): Promise<string> => {
      try {
        const subscription = app.subscribe({ type: "n", after });
        return subscription.ready.then(
          async () => {
            await subscription[Symbol.asyncDispose]();
            return "ready";
          },
          (error: unknown) => codeOf(error),
        );
      } catch (error) {
        return Promise.resolve(codeOf(error));
      }
    };
    expect(await asked(site.app)).toBe(await asked(client as never));
  },
  [[new Date(Number.NaN)], [new Date("+010000-01-01")], [new Date(-8.64e15)]],
);

function codeOf(error: unknown): string {
  if (!NexusError.is(error)) throw error;
  return error.code;
}
