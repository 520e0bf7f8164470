import { NexusError, type RunError } from "../errors.ts";
import type { Context, Emissions } from "../events/context.ts";
import type { NewEvent } from "../events/event.ts";
import { type Limits, runErrorOf } from "../events/limits.ts";
import type { Position } from "../log/log.ts";
import { answered } from "../observability/answered.ts";
import { NEEDLESS } from "../observability/clock.ts";
import { type TracedWork, tracedWork } from "../observability/trace.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import { Progress } from "./progress.ts";
import { hasEnded, type RunState } from "./run.ts";
import { runEvent } from "./run-event.ts";
import { RunStream } from "./run-stream.ts";
import type { RunServices } from "./services.ts";
import type { Slot, Slots } from "./slots.ts";
import { StepResults } from "./step-results.ts";
import { type StepContext, Steps } from "./steps.ts";
import type { WorkflowCode } from "./workflow.ts";

/** A run that this process owns: what it records, and what its code may ask for. */
export class LiveRun {
  readonly services: RunServices;
  readonly code: WorkflowCode;
  readonly stream: RunStream;
  readonly results: StepResults;
  readonly outcome: Promise<Outcome>;
  readonly progress: Progress;
  readonly #abort = new AbortController();
  readonly #slots: Slots;
  readonly #emitted = new Map<string, number>();
  #finish: (outcome: Outcome) => void = () => {};
  #steps: Steps;
  #slot: Slot | undefined;
  #timed = false;
  #work: TracedWork | undefined;
  /** Why it was stopped before its code had ended. */
  #cut: NexusError | undefined;
  #draining = false;
  /** Sleeps, waits and children under way; waits for a slot; pauses between tries; steps. */
  #suspensions = 0;
  #queuing = 0;
  #pauses = 0;
  #working = 0;

  /** @param slot the place it has, or waits for. */
  constructor(services: RunServices, code: WorkflowCode, state: RunState, slots: Slots, slot?: Slot) {
    this.services = services;
    this.code = code;
    this.#slots = slots;
    this.#slot = slot;
    this.stream = new RunStream(services, state, (reason) => this.#stopped(reason));
    this.results = new StepResults(services.state, services.clock, state.runId);
    this.#steps = new Steps(this);
    this.progress = new Progress(services.clock, (data) => this.record("workflow.progress", data));
    this.outcome = new Promise((resolve) => (this.#finish = resolve));
  }

  get runId(): string {
    return this.state.runId;
  }
  get state(): RunState {
    return this.stream.state;
  }
  /** The steps of the present pass through its code. */
  get steps(): Steps {
    return this.#steps;
  }
  get signal(): AbortSignal {
    return this.#abort.signal;
  }
  get limits(): Limits {
    return this.services.limits;
  }
  /** How it stands, while it has not ended. */
  get status(): "queued" | "running" | "waiting" {
    if (!this.state.started) return "queued";
    return this.isSuspended ? "waiting" : "running";
  }
  /** Whether nothing of it is under way but sleeps, waits and children. */
  get isSuspended(): boolean {
    return this.#suspensions > 0 && this.#queuing === 0 && this.#pauses === 0 && this.#working === 0;
  }
  /** Pieces of its code that are under way: steps, or what stands between them. */
  get working(): number {
    if (this.#working > 0) return this.#working;
    return this.#suspensions + this.#queuing + this.#pauses > 0 ? 0 : 1;
  }

  now(): number {
    return this.services.clock.now();
  }

  /** An event of its stream. */
  event(type: string, data: object): NewEvent {
    return runEvent(this.services, this.state, type, data, this.traceparent);
  }

  /** Where it is in a trace: its own span, from when its code is called here. */
  get traceparent(): string | undefined {
    return this.#work?.traceparent ?? this.state.traceparent;
  }

  /** Calls its code, as one span of the trace that led to it. */
  traced<T>(call: () => T): T {
    const { runId, workflowName, attempt, traceparent } = this.state;
    const attributes = { "nexus.run_id": runId, "nexus.workflow": workflowName, "nexus.attempt": attempt };
    this.#work = tracedWork(`workflow ${workflowName}`, traceparent, attributes);
    const work = this.#work;
    return this.services.within(this.context("main", this.state.claim), () => work.within(call));
  }

  /** What surrounds the run's code, between steps or inside one. */
  context(place: string, causationId: string, limit?: AbortSignal, traceparent: string | undefined = this.traceparent): Context {
    const { channel, userId, sessionId, workflowName, runId, correlationId } = this.state;
    return {
      channel,
      userId,
      sessionId,
      workflowName,
      runId,
      correlationId,
      causationId,
      traceparent,
      emissions: this.#emissions(place, limit),
    };
  }

  /** Sends an event to the log without waiting: what comes after it can only be recorded behind it. @returns its id. */
  record(type: string, data: object): string {
    const event = this.event(type, data);
    this.stream.append(event).catch((error: unknown) => {
      // Once the run is over or left, what comes late is dropped.
      if (!this.stream.closed) this.services.logger.error({ error, runId: this.runId, type }, "an event of a run was not recorded");
    });
    return event.id;
  }

  /** Records an event; resolves when it is durable. Rejects with the signal's reason when the run was stopped before that. */
  async recorded(type: string, data: object): Promise<Position> {
    try {
      return await this.stream.append(this.event(type, data));
    } catch (error) {
      this.signal.throwIfAborted();
      throw error;
    }
  }

  /** Calls a step's code: within its context, with a signal of its own, no longer than its limit. */
  async guarded(
    key: string,
    attempt: number,
    started: string,
    timeoutMs: number | undefined,
    run: (step: StepContext) => unknown,
  ): Promise<unknown> {
    const { limit, ended } = timeoutMs === undefined ? {} : this.#limited(key, timeoutMs);
    const signal = limit === undefined ? this.signal : AbortSignal.any([this.signal, limit]);
    const step: StepContext = { signal, attempt, idempotencyKey: `${this.runId}/${key}` };
    const work = tracedWork(`step ${key}`, this.traceparent, { "nexus.run_id": this.runId, "nexus.step": key, "nexus.attempt": attempt });
    const context = this.context(`${key}@${attempt}`, started, limit, work.traceparent);
    this.#working += 1;
    try {
      const call = this.services.within(context, () => work.within(async () => run(step)));
      const value = await raced(call, signal);
      work.end();
      return value;
    } catch (error) {
      work.end(runErrorOf(error));
      throw error;
    } finally {
      this.#working -= 1;
      ended?.abort(NEEDLESS);
      this.#reconsider();
    }
  }

  /** Limits the time of one try of a step. @returns what aborts when it is over, and what to abort when the try ends before. */
  #limited(key: string, timeoutMs: number): { readonly limit: AbortSignal; readonly ended: AbortController } {
    const limit = new AbortController();
    const ended = new AbortController();
    this.services.clock.sleep(timeoutMs, ended.signal).then(
      () => limit.abort(new NexusError("STEP_TIMEOUT", { step: key, timeoutMs })),
      () => {}, // The step ended in time.
    );
    return { limit: limit.signal, ended };
  }

  /** Waits without holding a slot, if nothing else of the run is under way. */
  async suspended<T>(wait: () => Promise<T>): Promise<T> {
    this.#suspensions += 1;
    this.#reconsider();
    try {
      return await raced(wait(), this.signal);
    } finally {
      this.#suspensions -= 1;
      if (!this.signal.aborted) await this.takeSlot("returning");
    }
  }

  /** Something of it has ended or begun to wait: what is left under way may need no slot. In the next turn: its code may go on at once. */
  #reconsider(): void {
    setImmediate(() => {
      if (this.signal.aborted) return;
      if (this.isSuspended) this.releaseSlot();
      this.#leaveIfDraining();
    });
  }

  /** Between two tries of a step: the run keeps its slot. */
  async pause(ms: number): Promise<void> {
    if (ms <= 0) return;
    this.#pauses += 1;
    this.#leaveIfDraining();
    try {
      await this.services.clock.sleep(ms, this.signal);
    } finally {
      this.#pauses -= 1;
      this.#reconsider();
    }
  }

  /** Resolves when the run has a place among those that go on. */
  async takeSlot(kind: "fresh" | "returning"): Promise<void> {
    // Also a place that nobody needs any more would never be given back.
    this.throwIfOver();
    this.#slot ??= this.#slots.reserve(kind);
    const slot = this.#slot;
    if (slot.ready === undefined) return;
    this.#queuing += 1;
    this.#leaveIfDraining();
    try {
      await raced(slot.ready, this.signal);
    } finally {
      this.#queuing -= 1;
    }
  }

  releaseSlot(): void {
    this.#slot?.release();
    this.#slot = undefined;
  }

  /** Its code runs once more: what is recorded is given back to it. */
  replay(): void {
    this.#steps = new Steps(this);
  }

  /** @returns the error it ends with when its time was over before it was taken up. */
  timeOver(): NexusError | undefined {
    const { timeoutMs } = this.code.options;
    if (timeoutMs === undefined || this.now() < this.state.startedAt + timeoutMs) return undefined;
    return new NexusError("RUN_TIMEOUT", { runId: this.runId, timeoutMs });
  }

  /** Aborts it when its time is over, which counts from its start. */
  limitTime(): void {
    const { timeoutMs } = this.code.options;
    if (timeoutMs === undefined || this.#timed) return;
    this.#timed = true;
    const ended = new AbortController();
    void this.outcome.then(() => ended.abort(NEEDLESS));
    this.services.clock.sleep(Math.max(0, this.state.startedAt + timeoutMs - this.now()), ended.signal).then(
      () => this.abort(new NexusError("RUN_TIMEOUT", { runId: this.runId, timeoutMs })),
      () => {}, // It ended in time.
    );
  }

  /** The process is stopping: the run may end, and leaves as soon as it only waits. */
  drain(): void {
    this.#draining = true;
    this.#leaveIfDraining();
  }

  #leaveIfDraining(): void {
    const waits = !this.state.started || this.#suspensions + this.#pauses + this.#queuing > 0;
    if (this.#draining && waits && this.#working === 0) this.leave(new NexusError("STOPPING", {}));
  }

  /** Ends what its code is doing. */
  abort(reason: NexusError): void {
    this.#cut ??= reason;
    this.#abort.abort(reason);
  }

  /** @throws the signal's reason once it is aborted · RUN_LOST once its end is on the way to the log. */
  throwIfOver(): void {
    this.signal.throwIfAborted();
    if (this.stream.closed) throw new NexusError("RUN_LOST", { runId: this.runId });
  }

  /** The run is over for this process: what is still under way of it is told to end. */
  finish(outcome: Outcome): void {
    this.#abort.abort(new NexusError("RUN_LOST", { runId: this.runId }));
    this.progress.drop();
    this.releaseSlot();
    // A run that only left may still succeed: that is no failure.
    this.#work?.end(outcome.status === "failed" || outcome.status === "cancelled" ? failureOf(outcome.error) : undefined);
    this.#work = undefined;
    this.#finish(outcome);
  }

  /** Nothing more is recorded by this process; the run is another's, or the next start's. */
  leave(reason: NexusError): void {
    this.stream.close(reason);
    this.abort(reason);
    this.finish({ status: "left", error: reason });
  }

  /** Its stream is no longer this process's to write: it has ended, or goes on elsewhere. */
  #stopped(reason: NexusError): void {
    if (!hasEnded(this.state)) return this.leave(reason);
    const ended = (outcome: Outcome): void => {
      this.abort(outcome.status === "completed" ? reason : outcome.error);
      this.finish(outcome);
    };
    outcomeOf(this.services, this.state).then(ended, () => this.leave(reason));
  }

  /** @param limit of the attempt that emits: what it does after its time is dropped. */
  #emissions(place: string, limit: AbortSignal | undefined): Emissions {
    return {
      check: () => {
        limit?.throwIfAborted();
        if (this.#cut !== undefined) throw this.#cut;
      },
      kept: (append) => answered(this.services.clock, this.signal, append),
      next: () => {
        const n = (this.#emitted.get(place) ?? 0) + 1;
        this.#emitted.set(place, n);
        const id = `${this.runId}:${place}:${n}`;
        const recorded = this.state.emitted.get(id);
        return { id, ...(recorded !== undefined && { recorded }) };
      },
    };
  }
}

/** What a run failed with, rather than that it did. */
function failureOf(error: NexusError): RunError {
  return NexusError.is(error, "WORKFLOW_FAILED") ? error.details.error : runErrorOf(error);
}

/** The outcome of `call`, or the signal's reason, whichever comes first. */
export function raced<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason as Error);
    if (signal.aborted) {
      call.catch(() => {}); // Its outcome is dropped.
      return aborted();
    }
    signal.addEventListener("abort", aborted, { once: true });
    call.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}
