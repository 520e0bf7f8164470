import type { After } from "../delivery/subscription.ts";
import type { Workflow } from "../events/definitions.ts";
import type { Emitter } from "../events/emitter.ts";
import type { Channel, NexusEvent } from "../events/event.ts";
import type { EventFilter } from "../events/event-filter.ts";
import type { JsonObject } from "../events/json.ts";
import type { EventFor, InputsIn, OpenRegistry, ResultOf, TypeArg } from "../events/registry.ts";
import type { Plain } from "../events/schema.ts";
import type { Logger } from "../observability/logger.ts";
import type { StepContext, StepOptions } from "./steps.ts";

export interface RunOptions {
  readonly sessionId?: string | undefined;
  readonly userId?: string | undefined;
  readonly metadata?: JsonObject | undefined;
  /** Cancels the run. */
  readonly signal?: AbortSignal | undefined;
  /** The same key gives the same run: 1 to 255 printable ASCII characters without space. @throws IDEMPOTENCY_CONFLICT with other inputs. */
  readonly idempotencyKey?: string | undefined;
}
export type InputArgs<W> =
  {} extends InputsIn<W>
    ? [inputs?: InputsIn<W>, options?: RunOptions]
    : undefined extends InputsIn<W>
      ? [inputs?: InputsIn<W>, options?: RunOptions]
      : [inputs: InputsIn<W>, options?: RunOptions];

export interface WaitOptions<E> extends EventFilter<never> {
  /** Fields of `data` that must have these values. Data, not a function: a waiting run survives its process. */
  readonly match?: (E extends NexusEvent<string, infer Data> ? Partial<Data> : never) | undefined;
  /** Default "latest"; in a run, its first event. */
  readonly after?: After | undefined;
  /** Default: none. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a workflow's code is given beside its inputs. */
export interface RunContext extends Emitter<OpenRegistry> {
  readonly runId: string;
  readonly workflowName: string;
  readonly channel: Channel;
  readonly sessionId?: string;
  readonly userId?: string;
  /** How often this run has been taken up, from 1. */
  readonly attempt: number;
  /** As given; in a node of a graph, the run's. */
  readonly inputs: JsonObject;
  readonly metadata?: JsonObject;
  readonly log: Logger;
  /** Aborts on cancel, time limit and stop; `reason` is the NexusError. */
  readonly signal: AbortSignal;
  /**
   * Does `run`, records what it returns, and gives that back on every later pass. Steps may run side by side under different ids.
   *
   * @param id `[A-Za-z0-9_.-]{1,128}`; the nth call with one id is a step of its own.
   * @throws its last error when its tries are spent, rebuilt from `{name, message, code}` · RESULT_INVALID · STEP_REPEATED
   */
  step<T>(id: string, run: ((step: StepContext) => T | Promise<T>) & Plain<T>): Promise<T>;
  step<T>(id: string, options: StepOptions, run: ((step: StepContext) => T | Promise<T>) & Plain<T>): Promise<T>;
  /** Reports; returns at once. @param percentage 0 to 100. */
  progress(percentage: number, step?: string): void;
  /** Waits at least `ms`, across restarts. */
  sleep(ms: number): Promise<void>;
  /** The first match since the run began, or since this wait's last match; `undefined` after `timeoutMs`. */
  waitForEvent<T extends TypeArg<OpenRegistry>>(
    type: T,
    options?: WaitOptions<NoInfer<EventFor<OpenRegistry, T>>>,
  ): Promise<EventFor<OpenRegistry, T> | undefined>;
  /** Executes another workflow as a step; cancelled with this run. @throws WORKFLOW_FAILED */
  execute<W extends Workflow>(workflow: W, ...args: InputArgs<W>): Promise<ResultOf<W>>;
}
