import { TYPE } from "../event.ts";

/** How a raw reader begins: what it sends, and by which text of the answer it knows that events reach it from then on. */
export interface Handshake {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text frames that follow once the server has switched protocols. */
  readonly frames: readonly string[];
  readonly ready: string;
}

const WEBSOCKET = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
};
const SSE = { accept: "text/event-stream" };

/** What our servers by hand greet a reader with. */
export const READY = "you are in";

export const HANDSHAKES = {
  nexusSocket: {
    path: "/events/ws",
    headers: { ...WEBSOCKET, "sec-websocket-protocol": "nexus.v1" },
    frames: [JSON.stringify({ op: "subscribe", id: "1", filter: { type: TYPE } })],
    ready: '"kind":"checkpoint"',
  },
  nexusSse: { path: `/events/stream?type=${TYPE}`, headers: SSE, frames: [], ready: "event: checkpoint" },
  // Engine.IO 4: `0` opens, `40` joins the main namespace, on both sides.
  socketIo: { path: "/socket.io/?EIO=4&transport=websocket", headers: WEBSOCKET, frames: ["40"], ready: "40{" },
  byHand: { path: `/${TYPE}`, headers: WEBSOCKET, frames: [], ready: READY },
  betterSse: { path: "/", headers: SSE, frames: [], ready: "event:registered" },
} as const satisfies Record<string, Handshake>;

export type HandshakeName = keyof typeof HANDSHAKES;

/** The same for a reader that nothing is due to: of another type, or of a session of its own or one that it shares. */
export function idleHandshake(name: HandshakeName, session: string): Handshake {
  const handshake: Handshake = HANDSHAKES[name];
  if (name === "nexusSocket")
    return { ...handshake, frames: [JSON.stringify({ op: "subscribe", id: "1", filter: { type: TYPE, sessionId: session } })] };
  if (name === "nexusSse") return { ...handshake, path: `${handshake.path}&sessionId=${session}` };
  if (name === "byHand") return { ...handshake, path: `/${session}` };
  throw new Error(`there is no idle reader of ${name}: it has no filter`);
}

export function requestText({ path, headers }: Handshake, port: number): string {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}`);
  return `GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** A client's text frame, masked as it must be: with zeros, which change nothing. @see RFC 6455, section 5.2 */
export function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > 125) throw new Error("a short frame holds 125 bytes");
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
