import { checkPolicy, type RetryPolicy } from "../delivery/retry.ts";
import { NexusError } from "../errors.ts";
import type { Workflow } from "../events/definitions.ts";
import type { JsonObject } from "../events/json.ts";
import { isName } from "../events/name.ts";
import {
  type JsonInputOf,
  type JsonOutput,
  type Parser,
  type Plain,
  parserOf,
  type Schema,
  type SchemaInput,
  type SchemaOutput,
} from "../events/schema.ts";
import { checkWhole } from "../events/whole.ts";
import type { RunContext } from "./context.ts";

export interface WorkflowOptions {
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  /** With one, only code of the same version takes up a run; without, the current code does. */
  readonly version?: string;
  /** Default of its steps: 3 attempts, base 1_000, cap 30_000. */
  readonly retry?: RetryPolicy;
  /** From workflow.started, waits and downtime included. Default: none. */
  readonly timeoutMs?: number;
  /** Runs at once in one process. Default: no limit. */
  readonly concurrency?: number;
  /** How many more may wait before OVERLOADED; default 1_000. */
  readonly queueLimit?: number;
}

type InputsOf<S> = [S] extends [never] ? JsonObject : SchemaOutput<S>;
type CallerInputs<S> = [S] extends [never] ? JsonObject | undefined : SchemaInput<S>;

/** What a workflow is made of, made ready to run. */
export interface WorkflowCode {
  readonly options: WorkflowOptions;
  readonly inputs: Parser | undefined;
  readonly result: Parser | undefined;
  run(inputs: never, ctx: RunContext): unknown;
}

/** Where a workflow keeps its code: out of its JSON, and out of sight of its users. */
const codes: WeakMap<object, WorkflowCode> = new WeakMap();

/**
 * Defines a workflow. Recorded are the inputs as given; `run` gets what the schema makes of them. The name is unique in an app.
 *
 * The code between steps runs again when a run is taken up after a crash; what must happen once belongs into `ctx.step`.
 *
 * @param name `[A-Za-z0-9_.-]{1,128}`.
 * @throws NAME_INVALID · OPTION_INVALID · SCHEMA_INVALID
 */
export function defineWorkflow<Name extends string, Result>(
  name: Name,
  run: ((inputs: JsonObject, ctx: RunContext) => Result | Promise<Result>) & Plain<Result>,
): Workflow<Name, JsonObject | undefined, Result>;
export function defineWorkflow<
  Name extends string,
  O extends Schema,
  Fn extends (inputs: InputsOf<I>, ctx: RunContext) => SchemaInput<O> | Promise<SchemaInput<O>>,
  I extends Schema = never,
>(
  name: Name,
  options: WorkflowOptions & { readonly inputs?: JsonInputOf<I>; readonly result: JsonOutput<O> },
  run: Fn,
): Workflow<Name, CallerInputs<I>, SchemaOutput<O>>;
export function defineWorkflow<Name extends string, Result, I extends Schema = never>(
  name: Name,
  options: WorkflowOptions & { readonly inputs?: JsonInputOf<I> },
  run: ((inputs: InputsOf<I>, ctx: RunContext) => Result | Promise<Result>) & Plain<Result>,
): Workflow<Name, CallerInputs<I>, Result>;
export function defineWorkflow(name: string, ...rest: readonly unknown[]): Workflow {
  const [options, run] = rest.length === 1 ? [{}, rest[0]] : rest;
  if (typeof run !== "function") throw new NexusError("OPTION_INVALID", { option: "run", reason: "it is not a function" });
  const { inputs, result, ...others } = options as WorkflowOptions & { readonly inputs?: Schema; readonly result?: Schema };
  return makeWorkflow(name, {
    options: others,
    inputs: inputs === undefined ? undefined : parserOf(inputs),
    result: result === undefined ? undefined : parserOf(result),
    run: run as WorkflowCode["run"],
  });
}

/** @throws NAME_INVALID · OPTION_INVALID */
export function makeWorkflow(name: string, code: WorkflowCode): Workflow {
  checkName(name);
  checkOptions(code.options);
  const { description } = code.options;
  const workflow: Workflow = { kind: "workflow", name, ...(description !== undefined && { description }) };
  codes.set(workflow, code);
  return workflow;
}

export function codeOf(workflow: Workflow): WorkflowCode {
  const code = codes.get(workflow);
  if (code === undefined) throw new NexusError("OPTION_INVALID", { option: "workflow", reason: "it was not made by defineWorkflow" });
  return code;
}

export function isWorkflow(value: unknown): value is Workflow {
  return typeof value === "object" && value !== null && codes.has(value);
}

/** @throws NAME_INVALID for what cannot name a workflow or a step. */
export function checkName(name: string): void {
  if (!isName(name))
    throw new NexusError("NAME_INVALID", { name: String(name).slice(0, 200), reason: "it is not 1 to 128 of A-Z a-z 0-9 _ . -" });
}

const KNOWN: readonly (keyof WorkflowOptions)[] = [
  "description",
  "tags",
  "metadata",
  "version",
  "retry",
  "timeoutMs",
  "concurrency",
  "queueLimit",
];

function checkOptions(options: WorkflowOptions): void {
  for (const option of Object.keys(options)) {
    if (!(KNOWN as readonly string[]).includes(option))
      throw new NexusError("OPTION_INVALID", { option, reason: "there is no such option" });
  }
  checkWhole("timeoutMs", options.timeoutMs, 1);
  checkWhole("concurrency", options.concurrency, 1);
  checkWhole("queueLimit", options.queueLimit, 0);
  checkPolicy(options.retry);
}
