import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { App } from "../../app.ts";
import { NexusError, type Problem } from "../../errors.ts";
import type { Context } from "../../events/context.ts";
import { parseFilter } from "../../events/filter.ts";
import type { Caller } from "../../events/principal.ts";
import type { Encoder } from "../../log/batch.ts";
import { background } from "../../observability/clock.ts";
import { countProblem, loggedProblem } from "../../operations/logged-problem.ts";
import type { Answer } from "../../operations/operation.ts";
import { STREAMS } from "../../operations/table.ts";
import { type Outlet, Push, STUCK_MS } from "./push.ts";
import { checkOnLoss, resumeAt } from "./resume.ts";
import { textFrame } from "./socket-frame.ts";
import { type ClientFrame, callOperation, checkFrame, readFrame } from "./socket-ops.ts";
import type { OpenStream } from "./sse.ts";
import type { Admitted } from "./upgrade.ts";

/** With one more page this is about 256 KiB. */
const ROOM_BYTES = 160 * 1024;
const SUBSCRIPTIONS = 100;
const CALLS_AT_ONCE = 64;
const PING_EVERY_MS = 30_000;
/** How long it may take to say who it is. */
const AUTHENTICATE_MS = 5_000;
/** How long a peer may take to answer that the connection is closed. */
const CLOSING_MS = 2_000;

/** What a connection tells whoever has made it. */
export interface SocketEvents {
  /** It has said who it is, which was not known before. @throws OVERLOADED when it is one too many. */
  readonly known: (caller: Caller) => void;
  readonly closed: () => void;
}

/** One WebSocket connection: subprotocol nexus.v1 (wire.md). */
export class Socket implements OpenStream {
  readonly #app: App;
  readonly #ws: WebSocket;
  readonly #raw: Duplex;
  readonly #later: Admitted["later"];
  readonly #events: SocketEvents;
  /** Absent until it has said who it is. */
  #context: Context | undefined;
  readonly #pushes = new Map<string, Push>();
  /** Subscriptions that are being made. */
  readonly #subscribing = new Map<string, Promise<void>>();
  /** Ids in use: by subscriptions, and by calls that are not answered. */
  readonly #used = new Set<string>();
  /** Frames that came when no more could be taken. */
  readonly #held: [RawData, boolean][] = [];
  readonly #gone = new AbortController();
  /** Aborts when it is known who calls. */
  readonly #known = new AbortController();
  #calls = 0;
  #corked = false;
  /** Since when it takes no answers, and so is asked for no more calls. */
  #deafSince: number | undefined;
  #unanswered = 0;
  #pingedAt: number;
  #taken = 0;

  constructor(app: App, ws: WebSocket, raw: Duplex, { context, later }: Admitted, events: SocketEvents) {
    this.#app = app;
    this.#ws = ws;
    this.#raw = raw;
    this.#context = context;
    this.#later = later;
    this.#events = events;
    if (context === undefined) this.#awaitCaller();
    this.#pingedAt = app.clock.now();
    ws.on("message", (data, isBinary) => this.#message(data, isBinary));
    ws.on("pong", () => (this.#unanswered = 0));
    ws.on("ping", () => this.#listenAsFarAs());
    // A broken frame, a reset: ws closes by itself, and `close` follows.
    ws.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") countProblem("BODY_TOO_LARGE", app.counters);
      app.logger.debug({ error }, "a WebSocket failed");
    });
    ws.on("close", () => {
      this.#gone.abort(new NexusError("SERVER_STOPPING", { retryAfterMs: 0 }));
      for (const push of this.#pushes.values()) push.stop();
      events.closed();
    });
    raw.on("drain", () => this.#progressed());
  }

  /** Until it has said who it is, it gets nothing that could end. */
  get hasLapsed(): boolean {
    return this.#context !== undefined && this.#app.access.hasLapsed(this.#context.principal);
  }

  tend(): void {
    if (this.#taken !== this.#takenByPeer()) this.#progressed();
    if (this.#deafSince !== undefined && this.#app.clock.now() - this.#deafSince >= STUCK_MS) return this.#letGo();
    for (const push of this.#pushes.values()) push.tend();
    if (this.#app.clock.now() - this.#pingedAt < PING_EVERY_MS) return;
    if (this.#unanswered >= 2) return this.#ws.terminate();
    this.#pingedAt = this.#app.clock.now();
    this.#unanswered += 1;
    this.#ws.ping();
  }

  /** Tells the client why, and closes. */
  stop(error: NexusError): void {
    const problem = loggedProblem(error, this.#app);
    this.#send({ kind: "problem", id: null, ...problem });
    this.#close(problem);
  }

  #message(data: RawData, isBinary: boolean): void {
    // Frames that came with the one that ended it.
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    // A pause does not hold back frames that were read in the same piece.
    if (this.#ws.isPaused) return void this.#held.push([data, isBinary]);
    try {
      if (isBinary) throw new NexusError("PROTOCOL_INVALID", { reason: "it is binary; frames are text" });
      const frame = readFrame((data as Buffer).toString());
      const ends = frame.op === "unsubscribe" && (this.#pushes.has(frame.id) || this.#subscribing.has(frame.id));
      if (this.#used.has(frame.id) && !ends) throw new NexusError("PROTOCOL_INVALID", { reason: `the id ${frame.id} is in use` });
      this.#handle(frame);
    } catch (error) {
      // Whatever cannot be answered under an id ends the connection.
      this.stop(error as NexusError);
    }
  }

  #handle(frame: ClientFrame): void {
    const { id } = frame;
    this.#used.add(id);
    this.#calls += 1;
    const context = this.#context;
    const answered =
      context === undefined || frame.op === "authenticate"
        ? this.#authenticate(frame)
        : this.#app.within(context, () => this.#answer(frame));
    answered
      .catch((error: unknown) => {
        this.#pushes.get(id)?.stop();
        this.#pushes.delete(id);
        this.#send({ kind: "problem", id, ...loggedProblem(error, this.#app) });
      })
      .finally(() => {
        if (!this.#pushes.has(id)) this.#used.delete(id);
        this.#calls -= 1;
        this.#listenAsFarAs();
      });
    this.#listenAsFarAs();
  }

  async #answer(frame: ClientFrame): Promise<void> {
    const { id } = frame;
    checkFrame(frame);
    switch (frame.op) {
      case "subscribe":
        return await this.#subscribed(frame);
      case "unsubscribe":
        await this.#unsubscribe(id);
        return this.#reply(id, {});
      case "emit":
      case "execute":
        return this.#reply(id, (await this.#called(frame)).body);
      default:
        return this.#reply(id, {});
    }
  }

  /** Whoever has not said who it is says so first; later the same caller may show a fresh credential. */
  async #authenticate(frame: ClientFrame): Promise<void> {
    try {
      checkFrame(frame);
      if (frame.op !== "authenticate") throw new NexusError("UNAUTHENTICATED", {}, { detail: "The first frame is authenticate." });
      const { credential } = frame;
      if (typeof credential !== "string") throw new NexusError("PROTOCOL_INVALID", { reason: "its credential is not a text" });
      const context = await this.#later(credential);
      if (this.#gone.signal.aborted) return;
      // Only now: of several frames that came at once, the first that is through says whose it is.
      const before = this.#context?.principal;
      if (before !== undefined && before.userId !== context.userId)
        throw new NexusError("UNAUTHENTICATED", {}, { detail: "A connection is one caller's: open another." });
      if (before === undefined && context.principal !== undefined) this.#events.known(context.principal);
      this.#context = context;
      this.#known.abort();
      this.#reply(frame.id, {});
    } catch (error) {
      if (this.#context === undefined) return this.stop(error as NexusError);
      throw error;
    }
  }

  #awaitCaller(): void {
    const signal = AbortSignal.any([this.#known.signal, this.#gone.signal]);
    background(this.#app.clock)
      .sleep(AUTHENTICATE_MS, signal)
      .then(
        () => this.stop(new NexusError("UNAUTHENTICATED", {}, { detail: "Nobody said within 5 s who calls." })),
        () => {}, // It has said so, or is gone.
      );
  }

  async #called(frame: ClientFrame): Promise<Answer> {
    const context = this.#context as Context;
    // The session that the connection was opened in may have ended since.
    if (context.sessionId !== undefined) await this.#app.inSession(context, context.sessionId);
    return await callOperation(this.#app, frame, { signal: this.#gone.signal });
  }

  #subscribed(frame: ClientFrame): Promise<void> {
    const subscribed = this.#subscribe(frame).finally(() => this.#subscribing.delete(frame.id));
    this.#subscribing.set(frame.id, subscribed);
    return subscribed;
  }

  async #subscribe({ id, filter = {}, after, onLoss }: ClientFrame): Promise<void> {
    this.#app.access.check(STREAMS.subscribe.scope);
    if (this.#pushes.size + this.#subscribing.size >= SUBSCRIPTIONS)
      throw new NexusError("OVERLOADED", { retryAfterMs: 1_000, what: "subscriptions of one connection" });
    if (typeof filter !== "object" || filter === null || Array.isArray(filter))
      throw new NexusError("FILTER_INVALID", { field: "filter", reason: "it is not an object" });
    if (after !== undefined && typeof after !== "string")
      throw new NexusError("FILTER_INVALID", { field: "after", reason: "it is not a string" });
    checkOnLoss(onLoss);
    const seen = this.#app.access.seen(parseFilter(filter as Readonly<Record<string, unknown>>));
    const { log, feed } = await this.#app.source();
    const { position, resume } = await resumeAt(log, feed, after, onLoss, seen.seen?.by);
    if (this.#gone.signal.aborted) return;
    this.#send({ kind: "resume", id, ...resume });
    const push = new Push(feed, seen, this.#outlet(id), { position, cursor: resume.from }, () => this.#app.clock.now());
    this.#pushes.set(id, push);
    push.pump();
  }

  async #unsubscribe(id: string): Promise<void> {
    // One that is still being made ends as soon as it is there.
    await this.#subscribing.get(id)?.catch(() => {});
    const push = this.#pushes.get(id);
    if (push === undefined) throw new NexusError("PROTOCOL_INVALID", { reason: `there is no subscription ${id}` });
    push.stop();
    this.#pushes.delete(id);
    this.#used.delete(id);
  }

  #outlet(id: string): Outlet {
    return {
      encoder: encoderFor(id),
      hasRoom: () => this.#raw.writableLength < ROOM_BYTES,
      write: (frames) => this.#write(frames),
      checkpoint: (cursor, hasMore) => this.#send({ kind: "checkpoint", id, cursor, hasMore }),
      fail: (error, cursor) => {
        this.#pushes.delete(id);
        this.#used.delete(id);
        const problem = { ...loggedProblem(error, this.#app), cursor };
        if (!NexusError.is(error, "SLOW_READER")) return this.#send({ kind: "problem", id, ...problem });
        this.#letGo();
      },
    };
  }

  /** Whoever takes nothing takes no explanation either: the close says it. */
  #letGo(): void {
    this.#app.counters.add("slow_readers");
    this.#close(loggedProblem(new NexusError("SLOW_READER", { retryAfterMs: 1_000 }), this.#app));
  }

  /** Calls are taken only as far as their answers are: neither may wait without bound. */
  #listenAsFarAs(): void {
    const deaf = this.#raw.writableLength >= ROOM_BYTES;
    this.#deafSince = deaf ? (this.#deafSince ?? this.#app.clock.now()) : undefined;
    if (deaf || this.#calls >= CALLS_AT_ONCE) return this.#ws.pause();
    if (!this.#ws.isPaused) return;
    this.#ws.resume();
    for (let held = this.#held.shift(); held !== undefined; held = this.#ws.isPaused ? undefined : this.#held.shift())
      this.#message(...held);
  }

  #reply(id: string, result: object): void {
    this.#send({ kind: "reply", id, result });
  }

  #send(frame: object): void {
    this.#write(textFrame(JSON.stringify(frame)));
  }

  /** All that is written in one turn goes out at once. */
  #write(frames: Uint8Array): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#raw.cork();
      queueMicrotask(() => {
        this.#corked = false;
        this.#raw.uncork();
      });
    }
    this.#raw.write(frames);
  }

  #close(problem: Problem): void {
    this.#ws.close(4000 + problem.status, problem.code);
    setTimeout(() => this.#ws.terminate(), CLOSING_MS).unref();
  }

  #progressed(): void {
    this.#taken = this.#takenByPeer();
    if (this.#deafSince !== undefined) this.#deafSince = this.#app.clock.now();
    this.#listenAsFarAs();
    for (const push of this.#pushes.values()) push.progressed();
  }

  /** How much the peer has taken of what was written. */
  #takenByPeer(): number {
    return ((this.#raw as Duplex & { readonly bytesWritten?: number }).bytesWritten ?? 0) - this.#raw.writableLength;
  }
}

function encoderFor(id: string): Encoder {
  const head = `{"kind":"event","id":${JSON.stringify(id)},"event":`;
  return { key: `ws:${id}`, encode: (events) => Buffer.concat(events.map(({ json }) => textFrame(`${head}${json}}`))) };
}
