import { sightOf } from "../access/policy.ts";
import { NexusError } from "../errors.ts";
import type { Context } from "../events/context.ts";
import type { Channel } from "../events/event.ts";
import type { Sight } from "../events/filter.ts";
import { checkCallerId } from "../events/id.ts";
import type { JsonObject } from "../events/json.ts";
import { checkMetadata, type Limits } from "../events/limits.ts";
import { positionOf } from "../log/cursor.ts";
import type { Owner } from "../log/emitter.ts";
import { pageLimit } from "../log/page.ts";
import { answered } from "../observability/answered.ts";
import { background } from "../observability/clock.ts";
import type { Session, SessionOptions, SessionPage, SessionQuery, Sessions } from "./api.ts";
import { checkChannel, checkNames, checkObject, checkSize, checkTtl } from "./checks.ts";
import { Expiry } from "./expiry.ts";
import { mergePatch } from "./merge-patch.ts";
import { type OpenSession, OpenSessions, type OpenSessionsParts } from "./open-sessions.ts";
import { type SessionState, sessionRecord } from "./session.ts";
import { isSessionId, sessionId } from "./session-id.ts";
import { endOf, type SessionEvent, SessionRecorder, type SessionRecorderParts } from "./session-recorder.ts";
import { Turns } from "./turns.ts";

const TTL_MS = 3_600_000;
/** What the data of all open sessions may take: they are kept in memory. */
const MOST_BYTES = 256 * 1024 * 1024;

export interface SessionParts extends Omit<OpenSessionsParts, "begun">, SessionRecorderParts {
  readonly limits: Limits;
  context(): Context | undefined;
  within<T>(context: Context, call: () => T): T;
}

/** The sessions of an app: what is asked of them, and when they end. */
export class OpenedSessions implements Sessions {
  readonly #parts: SessionParts;
  readonly #open: OpenSessions;
  readonly #recorder: SessionRecorder;
  readonly #expiry: Expiry;
  readonly #turns = new Turns();
  readonly #closed = new AbortController();

  private constructor(parts: SessionParts, open: OpenSessions) {
    this.#parts = parts;
    this.#open = open;
    this.#recorder = new SessionRecorder(parts, open);
    this.#expiry = new Expiry({ clock: parts.clock, next: () => this.#nextEnd(), end: () => this.#endDue() });
  }

  static async open(parts: SessionParts): Promise<OpenedSessions> {
    const heard: { by?: OpenedSessions } = {};
    const open = await OpenSessions.open({ ...parts, begun: ({ endsAt }) => heard.by?.begun(endsAt) });
    heard.by = new OpenedSessions(parts, open);
    return heard.by;
  }

  async create(options: SessionOptions = {}): Promise<Session> {
    checkNames(options, ["userId", "data", "metadata", "ttlMs"]);
    const { data = {}, metadata, ttlMs = TTL_MS } = options;
    const { limits, clock } = this.#parts;
    const initialData = checkObject("session.created", "data", data, limits.nesting);
    checkSize("data", initialData);
    checkMetadata("session.created", metadata, limits);
    checkTtl(ttlMs);
    if (this.#open.bytes >= MOST_BYTES) throw new NexusError("OVERLOADED", { retryAfterMs: 1_000, what: "open sessions" });
    const session = { id: sessionId(this.#parts.newId()), userId: this.#ownerOfNew(options.userId) };
    const of: SessionEvent = {
      eventId: this.#parts.newId(),
      type: "session.created",
      data: { initialData, ttlMs, endsAt: clock.now() + ttlMs },
      // A copy: what the caller does to its object afterwards changes nothing.
      metadata: metadata === undefined ? undefined : (JSON.parse(JSON.stringify(metadata)) as JsonObject),
    };
    await this.#recorder.create(session, of, this.#parts.context());
    const { state, endsAt } = await this.#use(session.id);
    return await this.#record(state, endsAt);
  }

  async get(id: string): Promise<Session> {
    const found = await this.#find(id);
    if (!("state" in found)) return await this.#record(found, found.endsAt);
    this.#open.slide(found);
    // Both in this turn: what is shown is true for one place.
    return await this.#record(found.state, found.endsAt);
  }

  async update(id: string, changes: JsonObject | ((data: JsonObject) => JsonObject)): Promise<Session> {
    const given = typeof changes === "function" ? undefined : this.#checkChanges(changes);
    return await this.#append(id, "session.updated", ({ state }) => {
      const patch = given ?? this.#checkChanges((changes as (data: JsonObject) => JsonObject)(structuredClone(state.data)));
      const data = mergePatch(state.data, patch);
      checkSize("data", data);
      return { changes: patch };
    });
  }

  async join(id: string, channel: Channel): Promise<Session> {
    checkChannel(channel);
    return await this.#append(id, "session.updated", (session) => {
      if (!session.state.channels.includes(channel)) return { changes: {}, joined: channel };
      this.#open.slide(session);
      return undefined;
    });
  }

  async end(id: string): Promise<Session> {
    return await this.#append(id, "session.ended", ({ state }) => endOf(state, "ended", this.#parts.clock.now()));
  }

  async list(query: SessionQuery = {}): Promise<SessionPage> {
    checkNames(query, ["userId", "after", "before", "limit"]);
    const { feed, log, clock } = this.#parts;
    const sight = this.#sight();
    const limit = pageLimit(query.limit);
    await this.#open.caughtUp();
    const oldest = query.after === undefined ? 0 : await positionOf(log, query.after, sight);
    const newest = query.before === undefined ? Number.POSITIVE_INFINITY : await positionOf(log, query.before, sight);
    // In one piece: all of the page is true for one place.
    const position = this.#open.position;
    const fitting = this.#open.all
      .filter(({ state, endsAt }) => {
        const { first, userId } = state;
        const asked = first > oldest && first <= newest && (query.userId === undefined || userId === query.userId);
        return asked && endsAt > clock.now() && this.#isAllowed(state);
      })
      .sort((a, b) => b.state.first - a.state.first);
    const shown = fitting.slice(0, limit);
    const records = shown.map(({ state, endsAt }) => structuredClone(sessionRecord(state, endsAt)));
    const cursor = await feed.cursorAt(position, sight);
    const hasMore = fitting.length > shown.length;
    const last = shown.at(-1);
    return {
      sessions: records.map((record) => ({ ...record, cursor })),
      cursor,
      hasMore,
      ...(hasMore && last !== undefined && { previous: await feed.cursorAt(last.state.first - 1, sight) }),
    };
  }

  /**
   * Something is to happen in a session: then the session is used, and what happens is its owner's. At once where nothing has to be looked up.
   *
   * Only what the caller names itself is checked. What surrounds the call (a run, a handler, a request) was checked when it began, and may outlive its session.
   * An id that has not the form of a session's is a word of the caller's own, and belongs to nobody.
   *
   * @throws SESSION_NOT_FOUND, also for somebody else's · SESSION_ENDED
   */
  enter(id: string | undefined): Owner | Promise<Owner> {
    const inherited = this.#parts.context()?.sessionId;
    if (id === undefined || id === inherited) {
      const around = inherited === undefined ? undefined : this.#open.find(inherited);
      if (around !== undefined && !this.#isDue(around)) this.#open.slide(around);
      return {};
    }
    if (!isSessionId(id)) return {};
    const session = this.#open.find(id);
    if (session === undefined || this.#isDue(session) || !this.#isAllowed(session.state)) return this.#use(id).then(entered);
    this.#open.slide(session);
    return entered(session);

    function entered({ state }: OpenSession): Owner {
      return { userId: state.userId };
    }
  }

  /** What surrounds a call that names a session: it is used, and what the call does is its owner's. @throws as `enter` */
  async around(context: Context, id: string): Promise<Context> {
    const session = await this.#parts.within(context, () => this.#use(id));
    this.#open.slide(session);
    const { userId = context.userId } = session.state;
    return { ...context, sessionId: id, userId };
  }

  /** There is a session that this process did not know. */
  begun(endsAt: number): void {
    this.#expiry.due(endsAt);
  }

  /** How many have not ended. */
  get size(): number {
    return this.#open.size;
  }

  /** Saves what is known of open sessions: their events may go. */
  async flush(): Promise<void> {
    await this.#open.caughtUp();
    await this.#open.flush();
  }

  async close(): Promise<void> {
    this.#closed.abort(new NexusError("APP_STOPPED", {}));
    await this.#expiry.close();
    await this.#open.close();
  }

  #checkChanges(changes: unknown): JsonObject {
    const patch = checkObject("session.updated", "changes", changes, this.#parts.limits.nesting);
    checkSize("changes", patch);
    return patch;
  }

  #ownerOfNew(named: string | undefined): string | undefined {
    if (named !== undefined) checkCallerId("userId", named);
    const around = this.#parts.context();
    const { principal } = around ?? {};
    if (principal === undefined) return named ?? around?.userId;
    if (named === undefined || named === principal.userId || principal.scopes.includes("admin")) return named ?? principal.userId;
    throw new NexusError("FORBIDDEN", { scope: "admin" });
  }

  /** Whether the caller may know of it. */
  #isAllowed({ userId }: SessionState): boolean {
    const principal = this.#parts.context()?.principal;
    return principal === undefined || principal.scopes.includes("admin") || (userId !== undefined && principal.userId === userId);
  }

  /** What the caller sees of the log. */
  #sight(): Sight | undefined {
    const principal = this.#parts.context()?.principal;
    return principal && sightOf(principal);
  }

  #isDue({ endsAt }: OpenSession): boolean {
    return endsAt <= this.#parts.clock.now();
  }

  /** A session as it is when the call is made; of one that has ended, what was recorded. @throws SESSION_NOT_FOUND */
  async #find(id: string): Promise<OpenSession | SessionState> {
    if (!isSessionId(id)) throw notFound(id);
    await this.#open.caughtUp();
    const due = this.#open.find(id);
    if (due !== undefined && this.#isDue(due) && this.#isAllowed(due.state)) await this.#recorder.expire(due);
    const open = this.#open.find(id);
    const state = open?.state ?? (await this.#open.readEnded(id));
    if (state === undefined || !this.#isAllowed(state)) throw notFound(id);
    return open ?? state;
  }

  /** @throws SESSION_NOT_FOUND · SESSION_ENDED */
  async #use(id: string): Promise<OpenSession> {
    const found = await this.#find(id);
    if ("state" in found) return found;
    throw new NexusError("SESSION_ENDED", { sessionId: id });
  }

  /** Records an event behind all of its session's stream: what another process put there meanwhile is folded first. Calls of one process keep their order. */
  #append(id: string, type: SessionEvent["type"], dataOf: (session: OpenSession) => object | undefined): Promise<Session> {
    const eventId = this.#parts.newId();
    return this.#turns.take(String(id), async () => {
      for (;;) {
        const session = await this.#use(id);
        const data = dataOf(session);
        if (data === undefined || (await this.#recorder.append(session, { eventId, type, data }, this.#parts.context())))
          return await this.#record(session.state, session.endsAt);
      }
    });
  }

  async #record(state: SessionState, endsAt: number): Promise<Session> {
    const record = structuredClone(sessionRecord(state, endsAt));
    return { ...record, cursor: await this.#parts.feed.cursorAt(this.#open.position, this.#sight()) };
  }

  #nextEnd(): number | undefined {
    let next: number | undefined;
    for (const { endsAt } of this.#open.all) if (next === undefined || endsAt < next) next = endsAt;
    return next;
  }

  async #endDue(): Promise<boolean> {
    const due = this.#open.all.filter((session) => this.#isDue(session));
    const ended = await Promise.all(due.map((session) => this.#expire(session)));
    return !ended.includes(false);
  }

  /** @returns whether that could be done. */
  async #expire(session: OpenSession): Promise<boolean> {
    try {
      await answered(background(this.#parts.clock), this.#closed.signal, () => this.#recorder.expire(session));
      return true;
    } catch (error) {
      if (!this.#closed.signal.aborted) this.#parts.logger.error({ error }, "a session could not be ended; it is tried again");
      return false;
    }
  }
}

function notFound(id: unknown): NexusError {
  return new NexusError("SESSION_NOT_FOUND", { sessionId: String(id).slice(0, 200) });
}
