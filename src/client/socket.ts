import { ERRORS, type ErrorCode, errorOf, type NexusError, type Problem } from "../errors.ts";
import { isCheckpoint, isEvent, isProblem, isResume, notSaidSo, objectIn } from "./said.ts";

/** A frame of a server: `kind`, and the id of what it answers. */
export interface Frame {
  readonly kind: string;
  readonly id: string | null;
  readonly [field: string]: unknown;
}

export interface Socket {
  send(frame: object): void;
  /** Nothing is heard of it any more. */
  close(): void;
}

/** Who hears of a socket; `closed` comes last, and once. */
export interface SocketListener {
  opened(): void;
  /** @param size of its text. */
  frame(frame: Frame, size: number): void;
  /** @param why the server gave for it, if it did. @param opened whether it had been open. */
  closed(why: NexusError | undefined, opened: boolean): void;
}

const SUBPROTOCOL = "nexus.v1";
const LOOK_MS = 5_000;
/** A server says something every 15 s wherever there is a subscription; else it is asked. */
const ASK_AFTER_MS = 20_000;
const SILENT_AFTER_MS = 45_000;

/** Opens a WebSocket, and holds it for lost when the server falls silent. */
export function openSocket(url: URL, listener: SocketListener): Socket {
  const socket = new WebSocket(url, SUBPROTOCOL);
  let heardAt = Date.now();
  let asked = false;
  let opened = false;
  let over = false;
  let problem: NexusError | undefined;
  const close = (): void => {
    over = true;
    clearInterval(looking);
    socket.close();
  };
  const closed = (why: NexusError | undefined): void => {
    if (over) return;
    close();
    listener.closed(why, opened);
  };
  const send = (frame: object): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  };
  const looking = setInterval(() => {
    const silentMs = Date.now() - heardAt;
    if (silentMs >= SILENT_AFTER_MS) return closed(undefined);
    if (silentMs < ASK_AFTER_MS || asked) return;
    asked = true;
    send({ op: "ping", id: "ping" });
  }, LOOK_MS);
  socket.addEventListener("open", () => {
    if (over) return;
    opened = true;
    listener.opened();
  });
  socket.addEventListener("message", ({ data }) => {
    if (over) return;
    heardAt = Date.now();
    asked = false;
    const frame = read(data);
    if (frame === undefined) return closed(notSaidSo());
    // With no id it says why the connection closes next.
    if (frame.kind === "problem" && frame.id === null) problem = errorOf(frame as unknown as Problem);
    else if (frame.id !== "ping") listener.frame(frame, String(data).length);
  });
  socket.addEventListener("close", ({ code, reason }) => closed(problem ?? reasonOf(code, reason)));
  return { send, close };
}

function read(data: unknown): Frame | undefined {
  const frame = typeof data === "string" ? objectIn(data) : undefined;
  if (frame === undefined || (frame["id"] !== null && typeof frame["id"] !== "string")) return undefined;
  return isFrame(frame) ? (frame as unknown as Frame) : undefined;
}

function isFrame(frame: Readonly<Record<string, unknown>>): boolean {
  switch (frame["kind"]) {
    case "resume":
      return isResume(frame);
    case "event":
      return isEvent(frame["event"]);
    case "checkpoint":
      return isCheckpoint(frame);
    case "problem":
      return isProblem(frame);
    default:
      return typeof frame["kind"] === "string";
  }
}

/** What the close itself tells: 4000 + status, and the code. */
function reasonOf(code: number, reason: string): NexusError | undefined {
  if (code < 4000 || !Object.hasOwn(ERRORS, reason)) return undefined;
  const { says, retryable } = ERRORS[reason as ErrorCode];
  return errorOf({ type: `urn:nexus:error:${reason}`, title: says, status: code - 4000, code: reason, retryable });
}
