import { errorOf, NexusError, type Problem } from "../errors.ts";
import type { Cursor, NexusEvent } from "../events/event.ts";
import { type Connection, send, unreachable } from "./call.ts";
import { back, type ConnectionNote, lost } from "./connection-note.ts";
import { delay, reconnectDelay } from "./delay.ts";
import type { Resume } from "./loss.ts";
import { retryAfterOf } from "./said.ts";
import { type Frame, openSocket, type Socket } from "./socket.ts";

/** One subscription, as the link has it. */
export interface LinkReader {
  readonly filter: object;
  /** Where it is to begin, or to go on. */
  readonly after: string;
  readonly onLoss: "earliest" | undefined;
  /** The server is known to be there: a first connection that fails is tried again like any other. */
  readonly known: boolean;
  resumed(resume: Resume): void;
  /** @param size of its text. */
  event(event: NexusEvent, size: number): void;
  checkpoint(cursor: Cursor): void;
  /** Nothing more comes. */
  failed(error: unknown): void;
}

export interface LinkOptions {
  readonly connection: Connection;
  /** What the server is to know the caller by; asked for at each connection. */
  readonly credential: () => Promise<string | undefined>;
  readonly tell: (note: ConnectionNote) => void;
}

const RETRY_MS = 500;
/** How long a connection without readers is kept for the next. */
const LINGER_MS = 500;
const PROBE_MS = 10_000;
const AUTHENTICATE = "authenticate";

/**
 * One WebSocket for all subscriptions of a client, as long as there are any: lost, it is opened again, and each of them goes on from its place.
 * Subscriptions are numbered from 1, so that clients with the same filter share the server's frames.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #readers = new Set<LinkReader>();
  /** Ids in use on this connection; one without a reader is being given back. */
  readonly #ids = new Map<string, LinkReader | undefined>();
  /** Who has been answered before. */
  readonly #begun = new WeakSet<LinkReader>();
  /** After a loss: who has not been answered yet, and whether all who have missed nothing. */
  readonly #awaiting = new Set<LinkReader>();
  #missedNothing: boolean | undefined;
  readonly #ended = new AbortController();
  #socket: Socket | undefined;
  /** It is open, and the caller is known to the server. */
  #ready = false;
  #running = false;
  #known = false;
  #failures = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #closeIdle: () => void = () => {};

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Subscribes; after `remove`, again, from where the reader says. */
  add(reader: LinkReader): void {
    if (this.#ended.signal.aborted) return reader.failed(this.#ended.signal.reason);
    this.#readers.add(reader);
    clearTimeout(this.#idle);
    if (this.#ready) this.#subscribe(reader);
    else if (!this.#running) void this.#run();
  }

  remove(reader: LinkReader): void {
    if (!this.#readers.delete(reader)) return;
    this.#answered(reader, true);
    for (const [id, each] of this.#ids) {
      if (each !== reader) continue;
      this.#ids.set(id, undefined);
      this.#socket?.send({ op: "unsubscribe", id });
    }
    clearTimeout(this.#idle);
    if (this.#readers.size === 0 && !this.#ended.signal.aborted) this.#idle = setTimeout(() => this.#closeIdle(), LINGER_MS);
  }

  /** Final; readers fail with the reason. */
  close(reason: NexusError): void {
    clearTimeout(this.#idle);
    this.#ended.abort(reason);
    this.#closeIdle();
    for (const reader of this.#readers) this.#fail(reader, reason);
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#readers.size > 0) {
      const error = await this.#connect();
      if (error === undefined) continue;
      for (const reader of this.#readers) if (!this.#isTriedAgain(reader, error)) this.#fail(reader, error);
      if (this.#readers.size === 0) break;
      const delayMs = retryAfterOf(error) ?? reconnectDelay(this.#failures, RETRY_MS, Math.random);
      this.#failures += 1;
      this.#missedNothing = true;
      this.#options.tell(lost(error, delayMs));
      await delay(delayMs, this.#ended.signal);
    }
    this.#running = false;
  }

  #isTriedAgain(reader: LinkReader, error: unknown): boolean {
    if (!this.#known && !reader.known) return false;
    // Said twice in a row it is no server that was just coming up.
    if (NexusError.is(error, "UPGRADE_REQUIRED")) return this.#known || this.#failures === 0;
    // A credential may have ended while it was in use: the next connection shows the one there is then. Said twice in a row, it is that one.
    if (NexusError.is(error, "UNAUTHENTICATED")) return this.#known && this.#failures === 0;
    return !NexusError.is(error) || error.retryable;
  }

  /** One connection, to its end. @returns why it ended, or `undefined` when nobody needed it any more. */
  async #connect(): Promise<unknown> {
    const { connection, credential } = this.#options;
    let shown: string | undefined;
    try {
      shown = await credential();
    } catch (error) {
      return error;
    }
    if (this.#readers.size === 0) return undefined;
    const url = new URL("events/ws", connection.url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const ended = await new Promise<{ readonly why?: NexusError; readonly opened: boolean } | undefined>((resolve) => {
      const socket = openSocket(url, {
        opened: () => {
          if (shown === undefined) this.#begin();
          else socket.send({ op: "authenticate", id: AUTHENTICATE, credential: shown });
        },
        frame: (frame, size) => {
          const refused = this.#frame(frame, size);
          if (refused === undefined) return;
          socket.close();
          resolve({ why: refused, opened: true });
        },
        closed: (why, opened) => resolve({ ...(why !== undefined && { why }), opened }),
      });
      this.#socket = socket;
      this.#closeIdle = () => {
        socket.close();
        resolve(undefined);
      };
    });
    this.#socket = undefined;
    this.#ready = false;
    this.#ids.clear();
    if (ended === undefined) return undefined;
    return ended.why ?? (ended.opened ? unreachable(connection) : await this.#whyNot());
  }

  #begin(): void {
    this.#ready = true;
    for (const reader of this.#readers) {
      this.#awaiting.add(reader);
      this.#subscribe(reader);
    }
  }

  #subscribe(reader: LinkReader): void {
    let number = 1;
    while (this.#ids.has(String(number))) number += 1;
    const id = String(number);
    this.#ids.set(id, reader);
    const { filter, after, onLoss } = reader;
    this.#socket?.send({ op: "subscribe", id, filter, after, ...(onLoss !== undefined && { onLoss }) });
  }

  /** @returns why the server does not know the caller, if this frame says so. */
  #frame(frame: Frame, size: number): NexusError | undefined {
    if (frame.id === AUTHENTICATE) {
      if (frame.kind === "problem") return errorOf(frame as unknown as Problem);
      this.#begin();
      return undefined;
    }
    const id = String(frame.id);
    const reader = this.#ids.get(id);
    // An answer to `unsubscribe`, or the end of what was to be ended: the id is free.
    if (frame.kind === "reply" || (frame.kind === "problem" && reader === undefined)) this.#ids.delete(id);
    else if (reader !== undefined) this.#hear(reader, id, frame, size);
    return undefined;
  }

  #hear(reader: LinkReader, id: string, frame: Frame, size: number): void {
    switch (frame.kind) {
      case "resume":
        this.#known = true;
        this.#failures = 0;
        this.#begun.add(reader);
        this.#answered(reader, frame["recovered"] === true);
        return reader.resumed(frame as unknown as Resume);
      case "event":
        return reader.event(frame["event"] as NexusEvent, size);
      case "checkpoint":
        return reader.checkpoint(frame["cursor"] as Cursor);
      case "problem":
        this.#ids.delete(id);
        return this.#problem(reader, errorOf(frame as unknown as Problem));
    }
  }

  #answered(reader: LinkReader, missedNothing: boolean): void {
    this.#missedNothing &&= missedNothing;
    if (!this.#awaiting.delete(reader) || this.#awaiting.size > 0 || this.#missedNothing === undefined) return;
    this.#options.tell(back(this.#missedNothing));
    this.#missedNothing = undefined;
  }

  /** This one subscription has ended. */
  #problem(reader: LinkReader, error: NexusError): void {
    if (!error.retryable || !(reader.known || this.#begun.has(reader))) return this.#fail(reader, error);
    const socket = this.#socket;
    void delay(retryAfterOf(error) ?? RETRY_MS, this.#ended.signal).then(() => {
      if (this.#readers.has(reader) && this.#ready && this.#socket === socket) this.#subscribe(reader);
    });
  }

  #fail(reader: LinkReader, error: unknown): void {
    this.remove(reader);
    reader.failed(error);
  }

  /** A WebSocket that could not be opened does not say why; the same address asked in plain HTTP does. */
  async #whyNot(): Promise<NexusError> {
    const { connection } = this.#options;
    try {
      await send(connection, "GET", "events/ws", "application/json", { signal: AbortSignal.timeout(PROBE_MS) });
    } catch (error) {
      if (!NexusError.is(error)) return unreachable(connection, error);
      if (!NexusError.is(error, "UPGRADE_REQUIRED")) return error;
      const detail = `${connection.url.href} answers calls, but opens no WebSocket: give its server to acceptWebSockets(), let what stands before it pass upgrades, and let its sign-in admit them.`;
      return new NexusError("UPGRADE_REQUIRED", error.details, { detail });
    }
    return unreachable(connection);
  }
}
