import { createHash } from "node:crypto";
import { checkPolicy, delayAfter, type RetryPolicy } from "../delivery/retry.ts";
import { NexusError, type RunError } from "../errors.ts";
import { idOfDigest } from "../events/id.ts";
import { resultText, runErrorOf, STEP_RESULT_BYTES } from "../events/limits.ts";
import { checkWhole } from "../events/whole.ts";
import type { LiveRun } from "./live-run.ts";
import type { StepState } from "./run.ts";
import { checkName } from "./workflow.ts";

export interface StepOptions {
  /** Default: the workflow's. */
  readonly retry?: RetryPolicy;
  /** Of one attempt. */
  readonly timeoutMs?: number;
}
export interface StepContext {
  /** Aborts with the run's, and at the step's time limit. */
  readonly signal: AbortSignal;
  /** From 1. */
  readonly attempt: number;
  /** The same on every try. */
  readonly idempotencyKey: string;
}

const INTERRUPTIONS = 3;

/** The steps of one pass through a run's code: which call is which step, and what is recorded of it. */
export class Steps {
  readonly #run: LiveRun;
  readonly #calls = new Map<string, number>();
  readonly #running = new Set<string>();
  /** Finished steps that the code has not asked for yet: while there are any it is replaying. */
  readonly #unasked: Set<string>;

  constructor(run: LiveRun) {
    this.#run = run;
    this.#unasked = new Set(
      [...run.state.steps].filter(([, step]) => step.state === "completed" || step.state === "failed").map(([key]) => key),
    );
  }

  get replaying(): boolean {
    return this.#unasked.size > 0;
  }

  /**
   * Does `work` as the step that this call is, unless its outcome is recorded.
   *
   * @param numbered whether also the first call's key has its number.
   * @param work is given the key and what is known of the step. @returns what is recorded as its result.
   */
  async once(id: string, numbered: boolean, work: (key: string, known: StepState | undefined) => Promise<unknown>): Promise<unknown> {
    if (this.#running.has(id))
      throw new NexusError(
        "STEP_REPEATED",
        { step: id },
        { detail: `Step ${id} is called while an earlier call of it is still running: await that first, or use another id.` },
      );
    this.#run.throwIfOver();
    const call = (this.#calls.get(id) ?? 0) + 1;
    this.#calls.set(id, call);
    const key = numbered || call > 1 ? `${id}#${call}` : id;
    const known = this.#run.state.steps.get(key);
    this.#running.add(id);
    try {
      if (known?.state === "completed" || known?.state === "failed") return await this.#again(key, known);
      // Whatever is recorded and was not asked for until now, no longer is.
      this.#unasked.clear();
      return await work(key, known);
    } finally {
      this.#running.delete(id);
    }
  }

  /** What is recorded of a finished step; never before the next turn, so that two calls at once are an error on every pass. */
  async #again(key: string, known: StepState): Promise<unknown> {
    this.#unasked.delete(key);
    if (known.state === "failed") return await Promise.reject(rebuilt(known.error as RunError, key));
    const { runId, signal, results, services } = this.#run;
    const recorded = known.resultBytes === undefined ? await known.result : await results.get(key, known.resultBytes, signal);
    return await services.secrets.whole(runId, placeOf(key), recorded, signal);
  }

  step(id: string, options: StepOptions, run: (step: StepContext) => unknown): Promise<unknown> {
    checkName(id);
    checkPolicy(options.retry);
    checkWhole("timeoutMs", options.timeoutMs, 1);
    return this.once(id, false, (key, known) => this.#attempts(key, known, options, run));
  }

  async #attempts(key: string, known: StepState | undefined, options: StepOptions, run: (step: StepContext) => unknown): Promise<unknown> {
    const policy = { attempts: 3, baseMs: 1_000, capMs: 30_000, ...this.#run.code.options.retry, ...options.retry };
    const { interruptions = 0, attempts = 0 } = known ?? {};
    // A try that its process did not survive counts, but is always followed by another: a deploy is to fail no run.
    if (interruptions >= INTERRUPTIONS) {
      return await this.#fail(key, attempts, new NexusError("STEP_INTERRUPTED", { step: key, attempts }), 0);
    }
    const { retryAt, retryDelayMs } = known ?? {};
    // Since a clock that was set back, not longer than it was to wait.
    if (retryAt !== undefined) await this.#run.pause(Math.min(retryAt - this.#run.now(), retryDelayMs ?? Number.POSITIVE_INFINITY));
    for (let attempt = attempts + 1; ; attempt++) {
      // It may have given up its place while something else of it waited.
      await this.#run.takeSlot("returning");
      const start = this.#run.now();
      const started = await this.#began(key, attempt);
      try {
        const value = await this.#run.guarded(key, attempt, started, options.timeoutMs, run);
        return await this.complete(key, attempt, value, start);
      } catch (error) {
        // Cancelled, stopped or timed out as a whole, or just ending: the outcome is dropped.
        this.#run.throwIfOver();
        const delayMs = nextTry(error, attempt, policy);
        if (delayMs === undefined) return await this.#fail(key, attempt, error, this.#run.now() - start);
        this.#run.record("step.retrying", { step: key, attempt, error: this.#recordable(error), delayMs });
        await this.#run.pause(delayMs);
      }
    }
  }

  /** Not waited for, but in a run that was taken up: a step that ends its process at once is to leave a trace of each try. @returns the event's id. */
  async #began(key: string, attempt: number): Promise<string> {
    const data = { step: key, attempt };
    return this.#run.state.attempt > 1 ? (await this.#run.recorded("step.started", data)).id : this.#run.record("step.started", data);
  }

  /** Records the result, and gives it back as JSON carries it. @throws RESULT_INVALID */
  async complete(key: string, attempt: number, value: unknown, start: number): Promise<unknown> {
    return await this.record(key, attempt, resultText(value, STEP_RESULT_BYTES, this.#run.limits.nesting), start);
  }

  /** The same for a result that is JSON already. @param isHidden it is for the run's code alone: whoever sees the run does not see it. */
  async record(key: string, attempt: number, text: string | undefined, start: number, isHidden = false): Promise<unknown> {
    const result = await this.#run.results.keep(key, await this.#withoutSecrets(key, text, isHidden), this.#run.signal);
    await this.#run.recorded("step.completed", { step: key, attempt, ...result, durationMs: Math.max(0, this.#run.now() - start) });
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  }

  /** The result as it may be recorded; what that lacks is kept first. */
  async #withoutSecrets(key: string, text: string | undefined, isHidden: boolean): Promise<string | undefined> {
    const { runId, signal, services } = this.#run;
    if (text !== undefined && isHidden)
      return JSON.stringify(await services.secrets.keepWhole(runId, placeOf(key), JSON.parse(text), signal));
    if (text === undefined || !services.secrets.redacts) return text;
    return JSON.stringify(await services.secrets.keep(runId, placeOf(key), "result", JSON.parse(text) as unknown, signal));
  }

  #recordable(thrown: unknown, step?: string): RunError {
    return this.#run.services.secrets.recordableError(runErrorOf(thrown, step));
  }

  async #fail(key: string, attempt: number, thrown: unknown, durationMs: number): Promise<never> {
    const error = this.#recordable(thrown, key);
    await this.#run.recorded("step.failed", { step: key, attempt, error, durationMs: Math.max(0, durationMs) });
    throw rebuilt(error, key);
  }

  /** Another run as a step: its id follows from this run's and the step's, so a later pass finds it. @param start is given that id, and the id of the event that leads to it. */
  child(name: string, start: (runId: string, causationId: string) => Promise<unknown>): Promise<unknown> {
    return this.once(`execute:${name}`, true, async (key, known) => {
      const began = this.#run.now();
      const childRunId = idOfDigest(createHash("sha256").update(`${this.#run.runId}/${key}`).digest());
      const started = known?.startedBy ?? this.#run.record("step.started", { step: key, attempt: 1, childRunId });
      let value: unknown;
      try {
        value = await this.#run.suspended(() => start(childRunId, started));
      } catch (error) {
        this.#run.signal.throwIfAborted();
        return await this.#fail(key, 1, error, this.#run.now() - began);
      }
      return await this.complete(key, 1, value, began);
    });
  }
}

/** Where the secrets of a step's result are kept. */
function placeOf(key: string): string {
  return `step ${key}`;
}

function nextTry(error: unknown, attempt: number, policy: Required<RetryPolicy>): number | undefined {
  if (NexusError.is(error, "RESULT_INVALID") || NexusError.is(error, "STEP_REPEATED")) return undefined;
  return delayAfter(error, attempt, policy, Math.random);
}

/** Errors that are failures of steps, and of which. Beside the error, not in it: what code throws may be no object, or one that cannot be asked. */
const failures: WeakMap<object, string> = new WeakMap();

/** A recorded failure as an error: the same on the first pass as on every later one. */
function rebuilt({ name, message, code, stack }: RunError, step: string): Error {
  const error = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  failures.set(error, step);
  return Object.assign(error, { ...(code !== undefined && { code }) });
}

/** The step whose failure an error is. */
export function failedStep(error: unknown): string | undefined {
  return typeof error === "object" && error !== null ? failures.get(error) : undefined;
}
