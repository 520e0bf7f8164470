import type { After } from "../delivery/subscription.ts";
import type { RunError } from "../errors.ts";
import { RUN_LIFE } from "../events/built-in.ts";
import type { Channel, Cursor } from "../events/event.ts";
import { type Filter, parseFilter, type Sight, seenBy } from "../events/filter.ts";
import type { JsonObject } from "../events/json.ts";
import { positionOf } from "../log/cursor.ts";
import type { Executor } from "./executor.ts";
import { foldRun, hasEnded, onlyWaits, type RunState, type RunStatus, type StepState } from "./run.ts";
import type { RunServices } from "./services.ts";

export interface RunRecord {
  readonly runId: string;
  readonly workflowName: string;
  readonly status: RunStatus;
  readonly inputs: JsonObject;
  readonly result?: unknown;
  readonly error?: RunError;
  /** Why it was cancelled, or what it waits for. */
  readonly reason?: string;
  readonly attempt: number;
  readonly channel: Channel;
  readonly sessionId?: string;
  readonly userId?: string;
  /** The last percentage it reported. */
  readonly progress?: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly durationMs?: number;
  readonly metadata?: JsonObject;
  /** Its steps in the order they began; only where one run is asked for. */
  readonly steps?: readonly StepRecord[];
  /** The place it is true for: all before it is in, nothing after it. */
  readonly cursor: Cursor;
}

export interface StepRecord {
  readonly step: string;
  readonly status: "running" | "waiting" | "retrying" | "completed" | "failed";
  readonly attempts: number;
  readonly durationMs?: number;
  readonly error?: RunError;
}

export interface RunQuery {
  readonly workflow?: string | undefined;
  readonly status?: RunStatus | undefined;
  readonly sessionId?: string | undefined;
  /** Only runs that began after this place. */
  readonly after?: After | undefined;
  /** Only runs that began before this place: the `previous` of a page. */
  readonly before?: Cursor | undefined;
  /** 1 to 1000; default 100. */
  readonly limit?: number | undefined;
}

export interface RunPage {
  /** Newest first. */
  readonly runs: readonly RunRecord[];
  readonly cursor: Cursor;
  readonly hasMore: boolean;
  /** Pass it as `before` for older ones; absent when there are none. */
  readonly previous?: Cursor;
}

/** What a run begins with. */
const BEGINNINGS = ["workflow.queued", "workflow.started"];
const SCAN = 200;
/** So many runs are looked at for one page: whoever asks for a rare status goes on from `previous`. */
const LOOKS = 2_000;

/** Runs as they are shown. With a `sight`, those of its user: another's is none. */
export class Runs {
  readonly #services: RunServices;
  readonly #executor: Executor;

  constructor(services: RunServices, executor: Executor) {
    this.#services = services;
    this.#executor = executor;
  }

  /** @returns `undefined` when there is no such run. */
  async get(runId: string, sight?: Sight): Promise<RunRecord | undefined> {
    const { log, feed } = this.#services;
    const { sequence } = await log.head();
    if (sight !== undefined) {
      // Before anything of it is read: one that is another's takes no longer than one that is not there.
      const filter = seenBy(parseFilter({ runId, type: BEGINNINGS }), sight);
      if ((await log.read({ after: 0, filter, limit: 1 })).events.length === 0) return undefined;
    }
    const state = await this.#executor.read(runId, sequence);
    if (state === undefined) return undefined;
    const steps = [...state.steps].map(([step, of]) => stepRecord(step, of));
    return { ...this.#record(state, await feed.cursorAt(sequence, sight)), steps };
  }

  /** @throws CURSOR_* · OPTION_INVALID */
  async list(query: RunQuery, sight?: Sight): Promise<RunPage> {
    const { log, feed } = this.#services;
    const { sequence } = await log.head();
    const cursor = await feed.cursorAt(sequence, sight);
    const limit = query.limit ?? 100;
    const oldest = query.after === undefined ? 0 : await positionOf(log, query.after, sight);
    const newest = query.before === undefined ? sequence : await positionOf(log, query.before, sight);
    const runs: RunRecord[] = [];
    let last = newest;
    let looked = 0;
    for await (const state of this.#begun(query, newest, oldest, sequence, sight)) {
      const fits = query.status === undefined || this.#statusOf(state) === query.status;
      if (looked === LOOKS || (fits && runs.length === limit))
        return { runs, cursor, hasMore: true, previous: await feed.cursorAt(last, sight) };
      if (fits) runs.push(this.#record(state, cursor));
      last = state.first - 1;
      looked += 1;
    }
    return { runs, cursor, hasMore: false };
  }

  /** Runs whose first event lies between the positions, newest first, as they stand at `upTo`. */
  async *#begun(query: RunQuery, newest: number, oldest: number, upTo: number, sight: Sight | undefined): AsyncGenerator<RunState> {
    const asked = parseFilter({
      type: BEGINNINGS,
      ...(query.workflow !== undefined && { workflow: query.workflow }),
      ...(query.sessionId !== undefined && { sessionId: query.sessionId }),
    });
    const filter = seenBy(asked, sight);
    for (let before = newest; ; ) {
      const page = await this.#services.log.read({ after: before, filter, order: "desc", limit: Math.min(SCAN, (query.limit ?? 100) + 1) });
      for (const event of page.events) {
        if (event.sequence <= oldest) return;
        const state = await this.#stateAt(event.runId as string, upTo);
        // A run that was queued has two such events; its place is that of the first.
        if (state?.first === event.sequence) yield state;
      }
      if (page.upToDate) return;
      before = page.next;
    }
  }

  /** The run without its steps when it has ended: that is all that a list shows. */
  async #stateAt(runId: string, upTo: number): Promise<RunState | undefined> {
    const filter: Filter = parseFilter({ runId, type: RUN_LIFE });
    const { events } = await this.#services.log.read({ after: 0, filter, limit: 1000 });
    let state: RunState | undefined;
    for (const event of events) if (event.sequence <= upTo) state = foldRun(state, event);
    return state !== undefined && hasEnded(state) ? state : await this.#executor.read(runId, upTo);
  }

  #statusOf(state: RunState): RunStatus {
    if (state.status !== "running") return state.status;
    return onlyWaits(state) || this.#executor.waitsFor(state.runId) !== undefined ? "waiting" : "running";
  }

  #record(state: RunState, cursor: Cursor): RunRecord {
    const reason = state.reason ?? (hasEnded(state) ? undefined : (this.#executor.waitsFor(state.runId) ?? waitOf(state)));
    return {
      runId: state.runId,
      workflowName: state.workflowName,
      status: this.#statusOf(state),
      inputs: state.inputs,
      ...(state.result !== undefined && { result: state.result }),
      ...(state.error !== undefined && { error: state.error }),
      ...(reason !== undefined && { reason }),
      attempt: state.attempt,
      channel: state.channel,
      ...(state.sessionId !== undefined && { sessionId: state.sessionId }),
      ...(state.userId !== undefined && { userId: state.userId }),
      ...(state.progress !== undefined && { progress: state.progress }),
      startedAt: state.startedAt,
      ...(state.durationMs !== undefined && { durationMs: state.durationMs }),
      ...(state.metadata !== undefined && { metadata: state.metadata }),
      cursor,
    };
  }
}

function waitOf(state: RunState): string | undefined {
  if (!onlyWaits(state)) return undefined;
  const open = [...state.steps].filter(([, step]) => step.state === "open").map(([key]) => key);
  return `it waits in ${open.join(", ")}`;
}

function stepRecord(step: string, of: StepState): StepRecord {
  return {
    step,
    status: of.state === "open" || of.state === "interrupted" ? (of.waiting === undefined ? "running" : "waiting") : of.state,
    attempts: of.attempts,
    ...(of.durationMs !== undefined && { durationMs: of.durationMs }),
    ...(of.state === "failed" && of.error !== undefined && { error: of.error }),
  };
}
