import { NexusError } from "../errors.ts";
import type { Workflow } from "../events/definitions.ts";
import type { JsonObject } from "../events/json.ts";
import { answered } from "../observability/answered.ts";
import { childrenOf } from "./cancellation.ts";
import type { Executor, StartOptions } from "./executor.ts";
import type { LiveRun } from "./live-run.ts";
import { type Outcome, outcomeOf } from "./outcome.ts";
import type { WorkflowRegistry } from "./registry.ts";
import { hasEnded, type RunState } from "./run.ts";
import type { ChildRun, Children } from "./run-context.ts";
import type { RunServices } from "./services.ts";

/** Runs that are steps of other runs. */
export class ChildRuns implements Children {
  readonly #services: RunServices;
  readonly #registry: WorkflowRegistry;
  readonly #executor: Executor;

  constructor(services: RunServices, registry: WorkflowRegistry, executor: Executor) {
    this.#services = services;
    this.#registry = registry;
    this.#executor = executor;
  }

  /** @throws WORKFLOW_FAILED · RUN_CANCELLED · the parent's reason to stop */
  async execute(
    parent: LiveRun,
    child: ChildRun,
    workflow: Workflow,
    inputs: JsonObject | undefined,
    options: StartOptions,
  ): Promise<unknown> {
    const outcome = await answered(this.#services.clock, parent.signal, () =>
      this.#outcome(parent, child, workflow, inputs ?? {}, options),
    );
    if (outcome.status === "completed") return outcome.result;
    // It has left this process, as its parent is about to: that is no failure of a step.
    if (outcome.status === "left") return await aborted(parent.signal);
    throw outcome.error;
  }

  async ended(runId: string, signal: AbortSignal): Promise<void> {
    if ((await this.#executor.read(runId)) !== undefined) await this.#executor.endElsewhere(runId, signal);
  }

  /** Cancels what a run was executing. */
  async cancel(parent: RunState): Promise<void> {
    const reason = `the run that executed it ${parent.status === "failed" ? "failed" : "was cancelled"}`;
    for (const child of childrenOf(parent)) {
      try {
        await this.#executor.cancel(child, reason);
      } catch (error) {
        // Its parent had not got to starting it.
        if (!NexusError.is(error, "RUN_NOT_FOUND")) throw error;
      }
    }
  }

  /** The same, where nobody waits for it. */
  async abandon(parent: RunState): Promise<void> {
    try {
      await this.cancel(parent);
    } catch (error) {
      this.#services.logger.error({ error, runId: parent.runId }, "the runs that a failed run was executing could not be cancelled");
    }
  }

  async #outcome(parent: LiveRun, child: ChildRun, workflow: Workflow, inputs: JsonObject, options: StartOptions): Promise<Outcome> {
    const { runId } = child;
    const known = this.#executor.find(runId)?.state ?? (await this.#executor.read(runId));
    if (known !== undefined && hasEnded(known)) return await outcomeOf(this.#services, known);
    // Both go on at the next start.
    if (known === undefined && this.#executor.stopping) return await aborted(parent.signal);
    const live = known === undefined ? await this.#start(parent, child, workflow, inputs, options) : this.#executor.takeUp(known);
    if (live !== undefined) return await this.#executor.outcome(live, parent.signal);
    return await this.#executor.endElsewhere(runId, parent.signal);
  }

  async #start(parent: LiveRun, child: ChildRun, workflow: Workflow, inputs: JsonObject, options: StartOptions): Promise<LiveRun> {
    const registered = this.#registry.get(workflow.name);
    const { run } = await this.#services.within(parent.context("main", child.causationId), () =>
      this.#executor.start(registered, inputs, options, child.runId, { accepted: true }),
    );
    return run;
  }
}

/** Rejects with the signal's reason. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const leave = (): void => reject(signal.reason as Error);
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}
