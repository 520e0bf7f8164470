import { NexusError } from "../errors.ts";
import type { Workflow } from "../events/definitions.ts";
import type { NexusEvent } from "../events/event.ts";
import type { JsonObject } from "../events/json.ts";
import type { RunContext, RunOptions, WaitOptions } from "./context.ts";
import type { LiveRun } from "./live-run.ts";
import type { StepContext, StepOptions } from "./steps.ts";
import { EventWaits, sleep } from "./waits.ts";

export interface ChildRun {
  readonly runId: string;
  /** Id of the event that leads to it. */
  readonly causationId: string;
}

/** The runs that runs execute. */
export interface Children {
  /** Starts another workflow's run under a given id, or finds it, and waits for its result. */
  execute(
    parent: LiveRun,
    child: ChildRun,
    workflow: Workflow,
    inputs: JsonObject | undefined,
    options: Omit<RunOptions, "signal" | "idempotencyKey">,
  ): Promise<unknown>;
  /** Resolves when a run has ended, or if it never began. */
  ended(runId: string, signal: AbortSignal): Promise<void>;
}

/** What the run's code gets as `ctx`. @param given as the caller gave it: what is recorded of it may lack something. */
export function runContext(
  run: LiveRun,
  children: Children,
  given: { readonly inputs: JsonObject; readonly metadata: JsonObject | undefined },
): RunContext {
  const { state, services } = run;
  const waits = new EventWaits(run);
  // An event emitted with `ctx` is the run's wherever that is called; within a step it is that step's.
  const within = <T>(call: () => T): T =>
    services.context()?.runId === run.runId ? call() : services.within(run.context("main", state.claim), call);
  const context = {
    runId: state.runId,
    workflowName: state.workflowName,
    channel: state.channel,
    ...(state.sessionId !== undefined && { sessionId: state.sessionId }),
    ...(state.userId !== undefined && { userId: state.userId }),
    attempt: state.attempt,
    inputs: given.inputs,
    ...(given.metadata !== undefined && { metadata: given.metadata }),
    log: services.logger,
    signal: run.signal,
    step: (id: string, ...rest: [(step: StepContext) => unknown] | [StepOptions, (step: StepContext) => unknown]) => {
      const [options, work] = rest.length === 1 ? [{}, rest[0]] : rest;
      return run.steps.step(id, options, work);
    },
    progress: (percentage: number, step?: string) => {
      // Replayed code reports what was reported before: that is checked, and not recorded again.
      run.progress.report(percentage, step, run.steps.replaying);
    },
    sleep: (ms: number) => sleep(run, ms),
    waitForEvent: (type: string, options: WaitOptions<NexusEvent> = {}) => waits.wait(type, options),
    execute: async (workflow: Workflow, inputs?: JsonObject, options: RunOptions = {}) => {
      const { signal, idempotencyKey, ...rest } = options;
      // It is cancelled with this run, and executed once, as any step is.
      if (signal !== undefined) throw new NexusError("OPTION_UNSUPPORTED", { option: "signal" });
      if (idempotencyKey !== undefined) throw new NexusError("OPTION_UNSUPPORTED", { option: "idempotencyKey" });
      return await run.steps.child(workflow.name, (runId, causationId) =>
        children.execute(run, { runId, causationId }, workflow, inputs, rest),
      );
    },
    emitEvent: (...args: Parameters<RunContext["emitEvent"]>) => within(() => services.emitter.emitEvent(...args)),
    broadcastEvent: (...args: Parameters<RunContext["broadcastEvent"]>) => within(() => services.emitter.broadcastEvent(...args)),
  };
  return context as unknown as RunContext;
}
