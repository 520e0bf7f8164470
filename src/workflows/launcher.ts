import { createHash } from "node:crypto";
import { NexusError } from "../errors.ts";
import { RUN_ENDS } from "../events/built-in.ts";
import type { Workflow } from "../events/definitions.ts";
import { parseFilter } from "../events/filter.ts";
import { idOfDigest } from "../events/id.ts";
import { canonicalJson, type JsonObject } from "../events/json.ts";
import type { RunOptions } from "./context.ts";
import type { Executor, StartOptions } from "./executor.ts";
import { inputsSize } from "./inputs.ts";
import type { LiveRun } from "./live-run.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { hasEnded, type RunState, stateAtEnd } from "./run.ts";
import type { RunServices } from "./services.ts";

/** A run as whoever asked for it has it: begun now, or found by its key, wherever it goes on. */
export interface LaunchedRun {
  readonly runId: string;
  /** The position just before its first event. */
  readonly before: number;
  /** How it had ended when it was asked for. */
  readonly ended?: Outcome;
  /** How it stands, while it has not ended. */
  readonly status: LiveRun["status"];
  /** How it ends, wherever that is. Rejects with the signal's reason. */
  outcome(signal: AbortSignal): Promise<Outcome>;
}

/** Begins runs for those who ask for them: each anew, or under a key, once. */
export class Launcher {
  readonly #services: RunServices;
  readonly #executor: Executor;
  /** Runs under a key that are being looked for or recorded: whoever comes second waits for the first. */
  readonly #turns = new Map<string, Promise<LaunchedRun>>();

  constructor(services: RunServices, executor: Executor) {
    this.#services = services;
    this.#executor = executor;
  }

  /** @throws INPUT_INVALID · OVERLOADED · IDEMPOTENCY_CONFLICT: then nothing was begun. */
  async launch(workflow: Workflow, inputs: JsonObject, options: Omit<RunOptions, "signal">): Promise<LaunchedRun> {
    const { idempotencyKey, ...rest } = options;
    if (idempotencyKey === undefined) return await this.#start(workflow, inputs, rest, this.#services.newId());
    // Only JSON can be compared; whether it fits the schema is asked of a new run alone.
    inputsSize(workflow.name, inputs, this.#services.limits);
    const given = JSON.parse(JSON.stringify(inputs)) as JsonObject;
    const owner = options.userId ?? this.#services.context()?.userId ?? null;
    return await this.#once(idOf(["key", owner, workflow.name, idempotencyKey]), async (runId, known) => {
      const { secrets } = this.#services;
      if (known === undefined) {
        const fingerprint = secrets.takesFrom(given) ? await secrets.fingerprint(runId, idempotencyKey, given) : undefined;
        return await this.#start(workflow, given, rest, runId, fingerprint);
      }
      const same =
        known.fingerprint === undefined
          ? [given, secrets.recordable("inputs", given)].some((each) => canonicalJson(each) === canonicalJson(known.inputs))
          : known.fingerprint === (await secrets.fingerprint(runId, idempotencyKey, given));
      if (!same) throw new NexusError("IDEMPOTENCY_CONFLICT", { runId });
      return await this.#found(known);
    });
  }

  /** The run of a schedule's due time: whoever comes first begins it. */
  async fire(workflow: Workflow, inputs: JsonObject, schedule: string, dueAt: number): Promise<void> {
    await this.#once(scheduledRunId(schedule, dueAt), async (runId, known) =>
      known === undefined ? await this.#start(workflow, inputs, { metadata: { schedule, dueAt } }, runId) : await this.#found(known),
    );
  }

  /** Lets one call after the other look for the run, and begin it if there is none. */
  async #once(runId: string, call: (runId: string, known: RunState | undefined) => Promise<LaunchedRun>): Promise<LaunchedRun> {
    const before = this.#turns.get(runId);
    const turn = (async () => {
      await before?.catch(() => {}); // Its own caller hears of it.
      return await this.#lookAndCall(runId, call);
    })();
    this.#turns.set(runId, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(runId) === turn) this.#turns.delete(runId);
    }
  }

  async #lookAndCall(runId: string, call: (runId: string, known: RunState | undefined) => Promise<LaunchedRun>): Promise<LaunchedRun> {
    for (let conflicts = 0; ; conflicts++) {
      if (this.#executor.stopping) throw new NexusError("APP_STOPPED", {});
      const known =
        this.#executor.find(runId)?.state ?? (await this.#executor.read(runId)) ?? (conflicts > 0 ? await this.#end(runId) : undefined);
      try {
        return await call(runId, known);
      } catch (error) {
        // There is something of it: another process has just recorded it, or the log holds no more than its end.
        if (known !== undefined || !NexusError.is(error, "STREAM_CONFLICT")) throw error;
      }
    }
  }

  async #end(runId: string): Promise<RunState | undefined> {
    const { events } = await this.#services.log.read({ after: 0, filter: parseFilter({ runId, type: RUN_ENDS }), limit: 1 });
    return events[0] && stateAtEnd(events[0]);
  }

  async #start(workflow: Workflow, inputs: JsonObject, options: StartOptions, runId: string, fingerprint?: string): Promise<LaunchedRun> {
    const { run, position } = await this.#executor.start(workflow, inputs, options, runId, { fingerprint });
    return this.#live(run, position.sequence - 1);
  }

  async #found(state: RunState): Promise<LaunchedRun> {
    const { runId } = state;
    const before = state.first - 1;
    if (hasEnded(state)) {
      const ended = await outcomeOf(this.#services, state);
      return { runId, before, ended, status: "running", outcome: async () => ended };
    }
    // What has not ended and is not live here was left by a process that is gone.
    const run = this.#executor.takeUp(state);
    if (run !== undefined) return this.#live(run, before);
    return { runId, before, status: "waiting", outcome: (signal) => this.#executor.endElsewhere(runId, signal) };
  }

  #live(run: LiveRun, before: number): LaunchedRun {
    return {
      runId: run.runId,
      before,
      get status() {
        return run.status;
      },
      outcome: (signal) => this.#executor.outcome(run, signal),
    };
  }
}

export function scheduledRunId(schedule: string, dueAt: number): string {
  return idOf(["schedule", schedule, dueAt]);
}

/** The id of the run that these words stand for: the same in any process. */
function idOf(words: readonly (string | number | null)[]): string {
  return idOfDigest(createHash("sha256").update(JSON.stringify(words)).digest());
}
