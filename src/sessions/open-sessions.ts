import { NexusError } from "../errors.ts";
import type { NexusEvent } from "../events/event.ts";
import { type Filter, parseFilter } from "../events/filter.ts";
import { utf8Bytes } from "../events/json.ts";
import { entriesUnder } from "../log/entries.ts";
import type { Feed } from "../log/feed.ts";
import { KeptFold } from "../log/kept-fold.ts";
import { SESSIONS_CURSOR } from "../log/kept-places.ts";
import type { Log } from "../log/log.ts";
import type { State } from "../log/state.ts";
import type { Clock } from "../observability/clock.ts";
import type { Logger } from "../observability/logger.ts";
import { foldSession, type SessionState } from "./session.ts";

const PREFIX = "sessions/";
/** About what a session takes beyond its data. */
const ENVELOPE_BYTES = 1_024;
/** Its State is written at most every so many parts of its time to live. */
const PARTS = 20;
/** What changes a session: its own stream, and how its runs begin. */
const TYPES: readonly string[] = ["session.*", "workflow.queued", "workflow.started", "workflow.failed", "workflow.cancelled"];
const CHANGES: Filter = parseFilter({ type: TYPES });

/** A session that has not ended, as far as this process has seen. */
export interface OpenSession {
  state: SessionState;
  /** When it ends if nobody uses it until then. */
  endsAt: number;
  /** The end that is known after a crash: never before `endsAt`, and at most a twentieth of its time to live behind it. */
  keptUntil: number;
  /** Of its key in State; 0 when it has none. */
  revision: number;
  bytes: number;
  /** Events up to here are in its state. */
  position: number;
  /** What State holds of it is not what is known. */
  dirty: boolean;
  saving: Promise<void> | undefined;
}

/** What is kept of a session in State. */
interface Kept {
  readonly session: SessionState;
  readonly endsAt: number;
  readonly position: number;
}

export interface OpenSessionsParts {
  readonly log: Log;
  readonly feed: Feed;
  readonly state: State;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Hears of a session that this process did not know. */
  begun(session: OpenSession): void;
}

/** Knows the sessions that have not ended, each whole: what was recorded, and when it ends. A short one never touches State. */
export class OpenSessions {
  readonly #parts: OpenSessionsParts;
  readonly #open = new Map<string, OpenSession>();
  /** Sessions with a key in State. */
  readonly #written = new Set<string>();
  #fold: KeptFold | undefined;
  readonly #closed = new AbortController();
  #bytes = 0;

  private constructor(parts: OpenSessionsParts) {
    this.#parts = parts;
  }

  static async open(parts: OpenSessionsParts): Promise<OpenSessions> {
    const sessions = new OpenSessions(parts);
    await sessions.#load();
    sessions.#fold = await KeptFold.open({
      ...parts,
      what: "sessions",
      cursorKey: SESSIONS_CURSOR,
      filter: CHANGES,
      fold: (event) => sessions.#take(event),
      save: () => sessions.#save(),
    });
    return sessions;
  }

  get all(): readonly OpenSession[] {
    return [...this.#open.values()];
  }

  get size(): number {
    return this.#open.size;
  }

  /** What their data takes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The place that what is known here is true for. */
  get position(): number {
    return this.#fold?.position ?? 0;
  }

  find(id: string): OpenSession | undefined {
    return this.#open.get(id);
  }

  /** Resolves when it knows everything that was recorded before the call. */
  async caughtUp(): Promise<void> {
    await this.#parts.feed.caughtUp(this.#closed.signal);
    await this.#fold?.caughtUp();
  }

  async flush(): Promise<void> {
    await this.#fold?.flush();
  }

  async close(): Promise<void> {
    this.#closed.abort(new NexusError("APP_STOPPED", {}));
    await this.#fold?.close();
  }

  /** A session that is used ends later. */
  slide(session: OpenSession): void {
    const { ttlMs } = session.state;
    session.endsAt = Math.max(session.endsAt, this.#parts.clock.now() + ttlMs);
    if (session.endsAt <= session.keptUntil) return;
    session.keptUntil = session.endsAt + Math.ceil(ttlMs / PARTS);
    this.#put(session).catch((error: unknown) =>
      this.#parts.logger.warn({ error }, "the end of a session was not saved; it is tried again"),
    );
  }

  /** Takes over the end that another process has kept since. */
  async refresh(session: OpenSession): Promise<void> {
    await session.saving?.catch(() => {}); // Whoever saves it hears of that.
    session.endsAt = Math.max(session.endsAt, (await this.#meet(session)) ?? 0);
  }

  /** A session that has ended, as long as the log holds all of it. */
  async readEnded(id: string): Promise<SessionState | undefined> {
    const filter = parseFilter({ sessionId: id, type: TYPES });
    let state: SessionState | undefined;
    for (let after = 0; ; ) {
      const page = await this.#parts.log.read({ after, filter, limit: 1000 });
      for (const event of page.events) state = foldSession(state, event);
      if (page.upToDate) return state?.ended === undefined ? undefined : state;
      after = page.next;
    }
  }

  /** It is open no more. */
  forget(session: OpenSession): void {
    if (!this.#open.delete(session.state.id)) return;
    this.#bytes -= session.bytes;
  }

  async #load(): Promise<void> {
    for await (const { value, revision } of entriesUnder(this.#parts.state, PREFIX)) {
      const { session: state, endsAt, position } = value as Kept;
      this.#written.add(state.id);
      this.#add({ ...freshly(state, position), endsAt, keptUntil: endsAt, revision, dirty: false });
    }
  }

  #add(session: OpenSession): void {
    this.#open.set(session.state.id, session);
    this.#bytes += session.bytes;
    this.#parts.begun(session);
  }

  #take(event: NexusEvent): void {
    if (event.sessionId === undefined) return;
    const known = this.#open.get(event.sessionId);
    if (known !== undefined && event.sequence <= known.position) return;
    const state = foldSession(known?.state, event);
    // Not one of ours, or one that had ended when its key went.
    if (state === undefined) return;
    if (known === undefined) return this.#add(freshly(state, event.sequence));
    if (state === known.state) return;
    const bytes = event.type === "session.updated" ? bytesOf(state) : known.bytes;
    this.#bytes += bytes - known.bytes;
    Object.assign(known, {
      state,
      bytes,
      position: event.sequence,
      dirty: true,
      endsAt: Math.max(known.endsAt, state.endsAt),
      keptUntil: Math.max(known.keptUntil, state.endsAt),
    });
    if (state.ended !== undefined) this.forget(known);
  }

  async #save(): Promise<boolean> {
    const changed = this.all.filter((session) => session.dirty);
    const ended = [...this.#written].filter((id) => !this.#open.has(id));
    await Promise.all([
      ...changed.map((session) => this.#put(session)),
      ...ended.map(async (id) => {
        await this.#parts.state.delete(PREFIX + id);
        this.#written.delete(id);
      }),
    ]);
    return changed.length + ended.length > 0;
  }

  /** Saves a session as it is known. One write of it at a time: each names the one before. */
  #put(session: OpenSession): Promise<void> {
    session.dirty = true;
    session.saving ??= this.#putNow(session).finally(() => (session.saving = undefined));
    return session.saving;
  }

  async #putNow(session: OpenSession): Promise<void> {
    this.#written.add(session.state.id);
    while (session.dirty) {
      const { state, keptUntil, position, revision } = session;
      const kept: Kept = { session: state, endsAt: keptUntil, position };
      session.dirty = false;
      try {
        session.revision = await this.#parts.state.put(keyOf(session), kept, { revision });
      } catch (error) {
        session.dirty = true;
        if (!NexusError.is(error, "STATE_CONFLICT")) throw error;
        // It has ended, and this process has not heard of it yet; else another one keeps it, too.
        if (error.details.revision === 0) return;
        await this.#meet(session);
      }
    }
  }

  /** Learns what another process has kept. @returns the end of it, if that is news. */
  async #meet(session: OpenSession): Promise<number | undefined> {
    const kept = await this.#parts.state.get(keyOf(session));
    if (kept === undefined || kept.revision === session.revision) return undefined;
    const { endsAt } = kept.value as Kept;
    session.revision = kept.revision;
    session.keptUntil = Math.max(session.keptUntil, endsAt);
    return endsAt;
  }
}

function freshly(state: SessionState, position: number): OpenSession {
  const { endsAt } = state;
  return { state, endsAt, keptUntil: endsAt, revision: 0, position, bytes: bytesOf(state), dirty: true, saving: undefined };
}

function keyOf(session: OpenSession): string {
  return PREFIX + session.state.id;
}

function bytesOf({ data, metadata }: SessionState): number {
  return ENVELOPE_BYTES + utf8Bytes(JSON.stringify([data, metadata]));
}
