import { NexusError } from "../errors.ts";
import { type Context, inherited } from "../events/context.ts";
import type { NewEvent } from "../events/event.ts";
import { type JsonObject, utf8Bytes } from "../events/json.ts";
import type { Recorder } from "../log/recorder.ts";
import type { Clock } from "../observability/clock.ts";
import type { OpenSession, OpenSessions } from "./open-sessions.ts";
import type { SessionState } from "./session.ts";

export interface SessionRecorderParts {
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** `source` of what this process records. */
  readonly source: string;
  newId(): string;
}

/** An event of a session's stream, but for what surrounds it. */
export interface SessionEvent {
  readonly eventId: string;
  readonly type: "session.created" | "session.updated" | "session.ended";
  readonly data: object;
  readonly metadata?: JsonObject | undefined;
}

/** Writes the streams of sessions. Each event names the one before it, so nothing follows an end, and all readers fold the same. */
export class SessionRecorder {
  readonly #parts: SessionRecorderParts;
  readonly #open: OpenSessions;

  constructor(parts: SessionRecorderParts, open: OpenSessions) {
    this.#parts = parts;
    this.#open = open;
  }

  /** Records the first event of a session; resolves when it is folded. @throws OVERLOADED */
  async create(
    session: { readonly id: string; readonly userId: string | undefined },
    of: SessionEvent,
    around: Context | undefined,
  ): Promise<void> {
    const bytes = utf8Bytes(JSON.stringify(of.data));
    this.#parts.recorder.admit(bytes);
    await this.#parts.recorder.append(this.#event(session, of, around), { expect: null }, bytes);
    await this.#open.caughtUp();
  }

  /**
   * Records a further event.
   *
   * @returns whether it was recorded, and is folded. Otherwise something else had come between: that is folded now, and the call is to be repeated.
   * @throws OVERLOADED
   */
  async append(session: OpenSession, of: SessionEvent, around: Context | undefined): Promise<boolean> {
    // It may have ended between the caller's look at it and this turn: then its last event is the end, and nothing may name that.
    if (this.#open.find(session.state.id) !== session) return false;
    const { recorder } = this.#parts;
    const bytes = utf8Bytes(JSON.stringify(of.data));
    recorder.admit(bytes);
    const event = this.#event(session.state, of, around);
    const { lastId } = session.state;
    const recorded = await recorder.append(event, { expect: lastId }, bytes).then(
      () => true,
      (error: unknown) => this.#refused(event, error),
    );
    await this.#open.caughtUp();
    // What is kept of it was kept by a process that knew less than the log: it has ended.
    if (!recorded && session.state.lastId === lastId) this.#open.forget(session);
    return recorded;
  }

  /** Ends a session that nobody used, unless somebody did meanwhile, here or in another process. Nobody's call is the cause of it. */
  async expire(session: OpenSession): Promise<void> {
    const eventId = this.#parts.newId();
    for (;;) {
      await this.#open.refresh(session);
      const { state, endsAt } = session;
      if (this.#open.find(state.id) !== session || endsAt > this.#parts.clock.now()) return;
      if (await this.append(session, { eventId, type: "session.ended", data: endOf(state, "expired", endsAt) }, undefined)) return;
    }
  }

  /** @returns whether it could be recorded all the same. @throws what was no conflict */
  async #refused(event: NewEvent, error: unknown): Promise<boolean> {
    if (!NexusError.is(error, "STREAM_CONFLICT")) throw error;
    if (error.details.last !== null) return false;
    // The log has let all of its events go: what is kept of it stands for them.
    return await this.#parts.recorder.append(event, { expect: null }).then(
      () => true,
      (again: unknown) => {
        if (NexusError.is(again, "STREAM_CONFLICT")) return false;
        throw again;
      },
    );
  }

  /** Its owner's, and for the rest what surrounds the call. */
  #event(
    { id, userId }: { readonly id: string; readonly userId?: string | undefined },
    of: SessionEvent,
    around: Context | undefined,
  ): NewEvent {
    const { eventId, type, data, metadata } = of;
    return {
      id: eventId,
      type,
      channel: around?.channel ?? "app",
      source: this.#parts.source,
      ...inherited({ ...around, sessionId: id, userId, correlationId: around?.correlationId ?? eventId }),
      visibility: "owner",
      data,
      ...(metadata !== undefined && { metadata }),
    };
  }
}

/** What the last event of a session says. @param endsAt when it is over. */
export function endOf(state: SessionState, reason: "ended" | "expired", endsAt: number): object {
  return { reason, durationMs: Math.max(0, endsAt - state.createdAt), workflowCount: state.workflowCount };
}
