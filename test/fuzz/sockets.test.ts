import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, expect } from "vitest";
import { ERRORS } from "../../src/errors.ts";
import { Peer } from "../http/fixtures/peer.ts";
import { Raw } from "../http/fixtures/raw.ts";
import { double, failing } from "../http/fixtures/workflows.ts";
import { expectNoSurprise, expectProblem, type Watched, watched } from "./answers.ts";
import { fuzz } from "./fuzz.ts";
import { json, jsonObject, jsonText, nearly, text } from "./values.ts";

let site: Watched;
/** Stays open throughout: what others send is nothing to it. */
let neighbour: Peer;

beforeAll(async () => {
  site = await watched({ workflows: [double, failing] });
  await site.app.emitEvent("n", 1);
  neighbour = await Peer.open(site.url);
});

afterAll(async () => {
  await neighbour[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

async function expectAlive(): Promise<void> {
  expect(await neighbour.ask({ op: "ping", id: "alive" })).toEqual({ kind: "reply", id: "alive", result: {} });
  expectNoSurprise(site);
}

const WS_CODES = [1000, 1002, 1003, 1005, 1006, 1007, 1009];
const ANSWERS = ["reply", "problem", "resume"];

function expectClose({ code, reason }: { readonly code: number; readonly reason: string }): void {
  if (WS_CODES.includes(code)) return;
  expect([reason in ERRORS, reason, code]).toEqual([true, reason, 4000 + (ERRORS[reason as keyof typeof ERRORS]?.http ?? 0)]);
  expect(reason).not.toBe("INTERNAL");
}

const rarely = <T>(valid: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 6, arbitrary: valid as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: json });

const op = rarely(fc.constantFrom("subscribe", "unsubscribe", "emit", "execute", "ping", "authenticate"));
const input = rarely(
  fc.record(
    {
      workflow: rarely(fc.constantFrom("double", "failing", "none")),
      inputs: rarely(fc.record({ n: json })),
      waitMs: rarely(fc.constant(0)),
      idempotencyKey: rarely(text),
      type: rarely(fc.constantFrom("n", "order.paid", "workflow.started")),
      data: json,
      id: rarely(text),
      sessionId: rarely(text),
      metadata: rarely(jsonObject),
      broadcast: rarely(fc.boolean()),
    },
    { requiredKeys: ["waitMs"] },
  ),
);
const fields = fc.record(
  {
    op,
    filter: rarely(fc.record({ type: rarely(fc.constantFrom("n", "a.*", "*")), broadcast: fc.constant("include") }, { requiredKeys: [] })),
    after: rarely(fc.constantFrom("earliest", "latest", "time:2026-01-01T00:00:00Z")),
    onLoss: rarely(fc.constant("earliest")),
    input,
    credential: rarely(text),
  },
  { requiredKeys: ["op"] },
);
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  authenticate: ["credential"],
  subscribe: ["filter", "after", "onLoss"],
  emit: ["input"],
  execute: ["input"],
};
/** Mostly only with the fields of its op, and then with one of its fields or another beside. */
const frame = fc.tuple(fields, fc.boolean(), jsonObject).map(([all, strict, more]) => {
  const own = typeof all.op === "string" && Object.hasOwn(FIELDS, all.op) ? (FIELDS[all.op] as readonly string[]) : [];
  const kept = strict ? Object.fromEntries(Object.entries(all).filter(([name]) => name === "op" || own.includes(name))) : all;
  return strict ? kept : { ...kept, ...more };
});

fuzz(
  "[subscription.1] every frame that has an id is answered once under it, with what the table has, in whatever order ops come",
  150,
  [fc.array(frame, { minLength: 1, maxLength: 12 })],
  async (frames) => {
    await using peer = await Peer.open(site.url);
    for (const [n, each] of frames.entries()) peer.send(JSON.stringify({ ...each, id: `f${n}` }).toWellFormed());
    const open = new Set(frames.map((_each, n) => `f${n}`));
    while (open.size > 0) {
      const answer = await peer.next();
      if (answer.kind === "event" || answer.kind === "checkpoint") continue;
      // A subscription that is there may end once more, by itself.
      expect([answer, ANSWERS.includes(answer.kind) && open.delete(answer.id)]).toEqual([answer, true]);
      if (answer.kind === "problem") expectProblem(answer);
    }
    await expectAlive();
  },
  [[[{ op: { toString: 1 } }]]],
);

const ID = fc.constantFrom("1", "2", "3", "_-Az", "", "x".repeat(33), "a b", "\n", 1, null);
const message: fc.Arbitrary<string | Buffer> = fc.oneof(
  fc.tuple(frame, ID).map(([each, id]) => JSON.stringify({ ...each, id }).toWellFormed()),
  nearly(
    fc.tuple(frame, ID).map(([each, id]) => JSON.stringify({ ...each, id })),
    ["{", "}", '"id":', '"op":', ",", "\\u0000", "\ufeff", "__proto__"],
  ).map((each) => each.toWellFormed()),
  jsonText.map((each) => each.toWellFormed()),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

fuzz(
  "[subscription.1] whatever messages come over a WebSocket, it goes on or is closed with a code of the table",
  200,
  [fc.array(message, { minLength: 1, maxLength: 8 })],
  async (messages) => {
    await using peer = await Peer.open(site.url);
    for (const each of messages) peer.send(each);
    peer.send({ op: "ping", id: "last" });
    const closed = peer.closed.then((close) => ({ close }));
    for (;;) {
      const told = await Promise.race([peer.next(), closed]);
      if (told.close !== undefined) {
        expectClose(told.close);
        break;
      }
      expect(["reply", "problem", "resume", "event", "checkpoint"]).toContain(told.kind);
      if (told.kind === "problem") expectProblem(told);
      if (told.kind === "reply" && told.id === "last") break;
    }
    await expectAlive();
  },
);

interface RawFrame {
  readonly fin: boolean;
  readonly reserved: number;
  readonly opcode: number;
  readonly masked: boolean;
  /** What the length says beyond what there is. */
  readonly lie: number;
  /** How many bytes the length takes, where fewer would do. */
  readonly wide: 0 | 2 | 8;
  readonly payload: Buffer;
}

/** @see RFC 6455, section 5.2 */
function framed({ fin, reserved, opcode, masked, lie, wide, payload }: RawFrame): Buffer {
  const length = Math.max(0, payload.length + lie);
  const size = wide !== 0 ? wide : length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = Buffer.alloc(2 + size);
  head[0] = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (size === 0 ? length : size === 2 ? 126 : 127);
  if (size === 2) head.writeUInt16BE(length & 0xffff, 2);
  if (size === 8) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, payload.map((byte, n) => byte ^ (mask[n % 4] as number))]);
}

/** What a server may send: whole, without mask. */
function framesIn(bytes: Buffer): readonly { readonly opcode: number; readonly payload: Buffer }[] {
  const frames: { opcode: number; payload: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [first = 0, second = 0] = bytes.subarray(at);
    const size = second === 126 ? 2 : second === 127 ? 8 : 0;
    const length = size === 2 ? bytes.readUInt16BE(at + 2) : size === 8 ? Number(bytes.readBigUInt64BE(at + 2)) : second;
    const start = at + 2 + size;
    expect([first & 0xf0, second & 0x80, start + length <= bytes.length]).toEqual([0x80, 0, true]);
    frames.push({ opcode: first & 0x0f, payload: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return frames;
}

async function upgraded(): Promise<Raw> {
  const raw = await Raw.open(site.port);
  const headers = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: nexus.v1"];
  const key = `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`;
  raw.socket.write(["GET /events/ws HTTP/1.1", "Host: localhost", ...headers, key, "", ""].join("\r\n"));
  return raw;
}

/** Everything that is sent after the upgrade, once this side has said all it says. */
async function answersTo(pieces: readonly Buffer[]): Promise<readonly { readonly opcode: number; readonly payload: Buffer }[]> {
  await using raw = await upgraded();
  raw.read();
  for (const piece of pieces) raw.socket.write(piece);
  raw.socket.end();
  await raw.ended;
  const { bytes } = raw;
  const end = bytes.indexOf("\r\n\r\n");
  expect(bytes.subarray(0, 12).toString()).toBe("HTTP/1.1 101");
  return framesIn(bytes.subarray(end + 4));
}

const [CONTINUATION, TEXT, CLOSE, PING, PONG] = [0x0, 0x1, 0x8, 0x9, 0xa];
const PLAIN = { fin: true, reserved: 0, masked: true, lie: 0, wide: 0 } as const;
const payload = fc.oneof(
  fc.constant(Buffer.from('{"op":"ping","id":"1"}')),
  fc.uint8Array({ maxLength: 130 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 0, max: 0xffff }).map((code) => Buffer.from([code >> 8, code & 0xff])),
  jsonText.map((each) => Buffer.from(each)),
);
const rawFrame: fc.Arbitrary<RawFrame> = fc.record({
  fin: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  reserved: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 7 })),
  opcode: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(TEXT, CONTINUATION, PING, PONG, CLOSE) }, fc.integer({ min: 0, max: 15 })),
  masked: fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, fc.constant(false)),
  lie: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: -5, max: 5 }), fc.constantFrom(70_000, 2 ** 31, 2 ** 52)),
  wide: fc.oneof({ weight: 6, arbitrary: fc.constant(0 as const) }, fc.constantFrom(2 as const, 8 as const)),
  payload,
});
const cuts = fc.array(fc.nat(), { maxLength: 6 });

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((at) => at % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((start, n) => bytes.subarray(start, sorted[n] ?? bytes.length));
}

fuzz(
  "[subscription.1] whatever bytes come on an upgraded connection, what is answered is whole frames, and no neighbour notices",
  250,
  [
    fc.oneof(
      fc.array(rawFrame.map(framed), { maxLength: 6 }).map((frames) => Buffer.concat(frames)),
      fc.uint8Array({ maxLength: 300 }).map((any) => Buffer.from(any)),
    ),
    cuts,
  ],
  async (bytes, places) => {
    for (const { opcode, payload: told } of await answersTo(cutAt(bytes, places))) {
      if (opcode === TEXT) {
        const { kind, ...problem } = JSON.parse(told.toString());
        expect(["reply", "problem"]).toContain(kind);
        if (kind === "problem") expectProblem(problem);
      } else if (opcode === CLOSE) {
        const [code, reason] = told.length === 0 ? [1005, ""] : [told.readUInt16BE(0), told.subarray(2).toString()];
        // Any other is this side's own, given back.
        if (reason in ERRORS) expectClose({ code, reason });
        else expect(code).toBeGreaterThanOrEqual(1000);
      } else expect(opcode).toBe(PONG);
    }
    await expectAlive();
  },
);

fuzz(
  "[subscription.1] a message is the same however it is cut into fragments, with control frames between them",
  100,
  [
    text,
    fc.array(fc.tuple(fc.nat(), fc.option(fc.uint8Array({ maxLength: 125 }))), { maxLength: 5 }),
    cuts,
    fc.constantFrom(0 as const, 2 as const, 8 as const),
  ],
  async (data, parts, places, wide) => {
    const sent = data.toWellFormed();
    const whole = Buffer.from(JSON.stringify({ op: "emit", id: "1", input: { type: "said", data: sent } }));
    const pings: string[] = [];
    const fragments = cutAt(
      whole,
      parts.map(([at]) => at),
    );
    const frames = fragments.flatMap((fragment, n) => {
      const fin = n === fragments.length - 1;
      const own = framed({ ...PLAIN, fin, wide, opcode: n === 0 ? TEXT : CONTINUATION, payload: fragment });
      const between = parts[n]?.[1];
      if (fin || between === null || between === undefined) return [own];
      pings.push(Buffer.from(between).toString("hex"));
      return [own, framed({ ...PLAIN, opcode: PING, payload: Buffer.from(between) })];
    });
    await using raw = await upgraded();
    raw.read();
    for (const piece of cutAt(Buffer.concat(frames), places)) raw.socket.write(piece);
    const answers = async (): Promise<ReturnType<typeof framesIn>> => {
      for (;;) {
        const start = raw.bytes.indexOf("\r\n\r\n");
        const whole = start === -1 ? undefined : raw.bytes.subarray(start + 4);
        if (whole?.includes('"kind":"reply"') && whole.at(-1) === 0x7d) return framesIn(whole);
        await new Promise((resolve) => raw.socket.once("data", resolve));
      }
    };
    const told = await answers();
    expect(told.filter(({ opcode }) => opcode === PONG).map((pong) => pong.payload.toString("hex"))).toEqual(pings);
    const { result } = JSON.parse(told.find(({ opcode }) => opcode === TEXT)?.payload.toString() ?? "{}");
    const { events } = await site.app.getEvents({ type: "said", limit: 1 });
    expect([events[0]?.id, events[0]?.data]).toEqual([result?.id, sent]);
  },
);
