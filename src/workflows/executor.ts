import { waitFor } from "../delivery/wait.ts";
import { NexusError } from "../errors.ts";
import { RUN_ENDS } from "../events/built-in.ts";
import type { Workflow } from "../events/definitions.ts";
import type { NexusEvent } from "../events/event.ts";
import { parseFilter } from "../events/filter.ts";
import type { JsonObject } from "../events/json.ts";
import { checkMetadata } from "../events/limits.ts";
import type { Position } from "../log/log.ts";
import { cancelLive, cancelStored, failStored } from "./cancellation.ts";
import { ChildRuns } from "./child-runs.ts";
import type { RunOptions } from "./context.ts";
import { begin, resume, startOf, stopped } from "./execution.ts";
import { firstEvent, givenCopy, withoutSecrets } from "./first-event.ts";
import { checkInputs } from "./inputs.ts";
import { LiveRun } from "./live-run.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import type { WorkflowRegistry } from "./registry.ts";
import { foldRun, hasEnded, type RunState } from "./run.ts";
import type { RunServices } from "./services.ts";
import { Slots } from "./slots.ts";
import { codeOf } from "./workflow.ts";

const QUEUE_LIMIT = 1_000;
/** Its version is that of the code that starts it. */
const QUEUED = { type: "workflow.queued", version: undefined };
export type StartOptions = Omit<RunOptions, "signal" | "idempotencyKey">;

/** Owns the runs of this process: begins them, takes them up again, ends them. */
export class Executor {
  readonly #services: RunServices;
  readonly #registry: WorkflowRegistry;
  readonly #live = new Map<string, LiveRun>();
  readonly #slots = new Map<string, Slots>();
  /** Runs that no code here can take up, and why. */
  readonly #unserved = new Map<string, string>();
  readonly #children: ChildRuns;
  #stopping = false;

  constructor(services: RunServices, registry: WorkflowRegistry) {
    this.#services = services;
    this.#registry = registry;
    this.#children = new ChildRuns(services, registry, this);
  }

  /** Runs that this process owns. */
  get live(): readonly LiveRun[] {
    return [...this.#live.values()];
  }

  /** Nothing new begins. */
  get stopping(): boolean {
    return this.#stopping;
  }

  find(runId: string): LiveRun | undefined {
    return this.#live.get(runId);
  }

  /** Why a run that has not ended does not go on here. */
  waitsFor(runId: string): string | undefined {
    return this.#unserved.get(runId);
  }

  /**
   * Records a new run, and begins it or queues it.
   *
   * @param how.accepted it is part of a run that was accepted: no bound refuses it any more.
   * @param how.fingerprint of the inputs, where what is recorded does not tell them from others.
   * @throws INPUT_INVALID with every fault · OVERLOADED · SESSION_NOT_FOUND · SESSION_ENDED: then there is no run.
   */
  async start(
    workflow: Workflow,
    inputs: JsonObject,
    options: StartOptions,
    runId: string,
    { accepted = false, fingerprint }: { readonly accepted?: boolean; readonly fingerprint?: string | undefined } = {},
  ): Promise<{ readonly run: LiveRun; readonly position: Position }> {
    if (this.#stopping) throw new NexusError("APP_STOPPED", {});
    const code = codeOf(workflow);
    const bytes = checkInputs(workflow, inputs, this.#services.limits);
    checkMetadata("workflow.started", options.metadata, this.#services.limits);
    if (!accepted) this.#services.recorder.admit(bytes);
    const slots = this.#slotsOf(workflow);
    if (!accepted && !slots.free && slots.waiting >= (code.options.queueLimit ?? QUEUE_LIMIT)) {
      throw new NexusError("OVERLOADED", { retryAfterMs: 1_000, what: `runs of ${workflow.name}` });
    }
    // Before anything is awaited: the next call must find it taken.
    const slot = slots.reserve("fresh");
    try {
      const { type, version } = slot.ready === undefined ? { type: "workflow.started", version: code.options.version } : QUEUED;
      const copy = givenCopy(inputs, options.metadata);
      // Nothing is awaited without need: runs are recorded in the order of their calls.
      const owner = this.#services.ownerIn(options.sessionId);
      const { userId } = owner instanceof Promise ? await owner : owner;
      const { secrets } = this.#services;
      const { metadata, ...given } = secrets.redacts ? await withoutSecrets(secrets, runId, copy) : copy;
      const around = { ...options, userId: options.userId ?? userId, metadata };
      const event = firstEvent(this.#services, workflow, runId, around, type, startOf(given.inputs, version, fingerprint));
      const position = await this.#services.recorder.append(event, { expect: null }, bytes);
      const recorded = { ...event, sequence: position.sequence, timestamp: position.timestamp };
      const run = this.#own(new LiveRun(this.#services, code, foldRun(undefined, recorded) as RunState, slots, slot));
      this.#go(run, begin);
      return { run, position };
    } catch (error) {
      slot.release();
      throw error;
    }
  }

  /** Takes up runs that have begun and not ended, in the order they began; what has ended, or is live here, is passed over. */
  async takeUpAll(runIds: readonly string[]): Promise<void> {
    const states: RunState[] = [];
    for (const runId of runIds) {
      if (this.#live.has(runId)) continue;
      const state = await this.read(runId);
      if (state !== undefined) states.push(state);
    }
    for (const state of states.sort((a, b) => a.first - b.first)) this.takeUp(state);
  }

  /** A workflow was registered: runs may have waited for it. */
  registered(): void {
    this.takeUpAll([...this.#unserved.keys()]).catch((error: unknown) =>
      this.#services.logger.error({ error }, "runs that waited for a workflow could not be taken up"),
    );
  }

  /** A workflow is gone: runs of it that have not started wait for its return. */
  unregistered(name: string): void {
    for (const run of this.live) {
      if (run.state.workflowName !== name || run.state.started) continue;
      run.leave(new NexusError("RUN_LOST", { runId: run.runId }));
      this.#unserved.set(run.runId, missing(name));
    }
  }

  /** An event in the life of a run is in the log. What another process recorded of a run of this one may stop it. */
  heard(event: NexusEvent): void {
    if (RUN_ENDS.includes(event.type)) this.#services.secrets.forget(event.runId as string);
    if (event.source !== this.#services.source) this.#live.get(event.runId as string)?.stream.look();
  }

  /** Ends a run that has not ended; one that has stays as it is. @throws RUN_NOT_FOUND */
  async cancel(runId: string, reason: string | undefined): Promise<void> {
    for (;;) {
      const live = this.#live.get(runId);
      const state = live?.state ?? (await this.read(runId));
      if (state === undefined) throw new NexusError("RUN_NOT_FOUND", { runId });
      if (hasEnded(state)) return;
      try {
        if (live === undefined) await cancelStored(this.#services, state, reason);
        else if (!(await cancelLive(live, reason))) {
          // It is just ending, or leaving: look again when it has.
          await live.outcome;
          continue;
        }
        this.#unserved.delete(runId);
        await this.#children.cancel(state);
        return;
      } catch (error) {
        if (!NexusError.is(error, "STREAM_CONFLICT")) throw error;
      }
    }
  }

  /** Fails a run that retention can wait for no longer; one that has ended stays as it is. */
  async expire(runId: string): Promise<void> {
    const expired = new NexusError("RUN_EXPIRED", { runId });
    while (!this.#stopping) {
      const live = this.#live.get(runId);
      if (live !== undefined) {
        live.abort(expired);
        await live.outcome;
        continue;
      }
      const state = await this.read(runId);
      if (state === undefined || hasEnded(state)) return;
      try {
        await failStored(this.#services, state, expired);
        this.#unserved.delete(runId);
        await this.#children.cancel(state);
        return;
      } catch (error) {
        if (!NexusError.is(error, "STREAM_CONFLICT")) throw error;
      }
    }
  }

  /** A run as the log tells of it, up to the position if one is given. */
  async read(runId: string, upTo: number = Number.POSITIVE_INFINITY): Promise<RunState | undefined> {
    const filter = parseFilter({ runId });
    let state: RunState | undefined;
    for (let after = 0; ; ) {
      const page = await this.#services.log.read({ after, filter, limit: 1000 });
      for (const event of page.events) if (event.sequence <= upTo) state = foldRun(state, event);
      if (page.upToDate) return state;
      after = page.next;
    }
  }

  /** Nothing new begins; what only waits leaves at once. Resolves when the rest has ended. */
  async drain(): Promise<void> {
    this.#stopping = true;
    for (const run of this.live) run.drain();
    await Promise.all(this.live.map((run) => run.outcome));
  }

  /** Leaves every run as it is recorded. @returns how many there were. */
  leaveAll(): number {
    const left = this.live;
    for (const run of left) run.leave(new NexusError("STOPPING", {}));
    return left.length;
  }

  #slotsOf(workflow: Workflow): Slots {
    let slots = this.#slots.get(workflow.name);
    if (slots === undefined) {
      slots = new Slots(undefined);
      this.#slots.set(workflow.name, slots);
    }
    slots.limit = codeOf(workflow).options.concurrency;
    return slots;
  }

  /** Goes on with a run that has not ended. @returns `undefined` when no code here can. */
  takeUp(state: RunState): LiveRun | undefined {
    const { runId, workflowName } = state;
    if (hasEnded(state) || this.#stopping) return undefined;
    const live = this.#live.get(runId);
    if (live !== undefined) return live;
    const workflow = this.#registry.find(workflowName);
    const version = workflow && codeOf(workflow).options.version;
    if (workflow === undefined || (state.started && version !== undefined && state.version !== version)) {
      const reason =
        workflow === undefined
          ? missing(workflowName)
          : `version ${state.version ?? "(none)"} started it, and version ${version} is registered`;
      this.#unserved.set(runId, reason);
      return undefined;
    }
    this.#unserved.delete(runId);
    const slots = this.#slotsOf(workflow);
    const run = this.#own(new LiveRun(this.#services, codeOf(workflow), state, slots, state.started ? undefined : slots.reserve("fresh")));
    this.#go(run, state.started ? resume : begin);
    return run;
  }

  #own(run: LiveRun): LiveRun {
    this.#live.set(run.runId, run);
    void run.outcome.then((outcome) => {
      this.#live.delete(run.runId);
      // Once more: what it kept while its end was on the way.
      if (outcome.status !== "left") this.#services.secrets.forget(run.runId);
      // What a failed run was executing has nobody left who waits for it.
      if (outcome.status === "failed") void this.#children.abandon(run.state);
    });
    if (this.#stopping) run.leave(new NexusError("STOPPING", {}));
    return run;
  }

  /** Lets a run go on by itself; whatever becomes of it is its outcome. */
  #go(run: LiveRun, life: typeof begin): void {
    if (run.signal.aborted) return;
    life(run, this.#children)
      .catch((error: unknown) => stopped(run, error))
      .catch((error: unknown) => run.leave(error as NexusError));
  }

  /** How a run ends, also when it is another process that it goes on in. */
  async outcome(run: LiveRun, signal: AbortSignal): Promise<Outcome> {
    const outcome = await run.outcome;
    return outcome.status === "left" && NexusError.is(outcome.error, "RUN_LOST") ? await this.endElsewhere(run.runId, signal) : outcome;
  }

  /** How a run ends that no code here executes: the log tells. */
  async endElsewhere(runId: string, signal: AbortSignal): Promise<Outcome> {
    const { feed, clock } = this.#services;
    await waitFor(
      feed,
      clock,
      { filter: parseFilter({ runId, type: RUN_ENDS }), after: (await this.read(runId))?.first ?? 0 },
      undefined,
      signal,
    );
    return await outcomeOf(this.#services, (await this.read(runId)) as RunState);
  }
}

function missing(workflow: string): string {
  return `no workflow ${workflow} is registered`;
}
