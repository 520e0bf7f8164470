import { Cron } from "croner";
import { NexusError } from "../errors.ts";
import type { Workflow } from "../events/definitions.ts";
import { nameOf } from "../events/event-filter.ts";
import type { JsonObject } from "../events/json.ts";
import type { Limits } from "../events/limits.ts";
import type { InputsIn } from "../events/registry.ts";
import { CENTURY_MS, checkWhole } from "../events/whole.ts";
import { checkInputs } from "./inputs.ts";
import type { WorkflowRegistry } from "./registry.ts";
import { checkName } from "./workflow.ts";

/** What is executed by the clock: by a cron expression in a time zone (default UTC), or every so many milliseconds since the epoch. */
export type ScheduleOptions<W, Known> = {
  readonly workflow: W;
  readonly timeZone?: string;
  /** What becomes of a firing while the run before goes on; default "skip". */
  readonly overlap?: "skip" | "allow";
} & ({ readonly cron: string } | { readonly everyMs: number }) &
  (undefined extends InputsIn<Known> ? { readonly inputs?: InputsIn<Known> } : { readonly inputs: InputsIn<Known> });

/** A schedule, checked. */
export interface Schedule {
  readonly name: string;
  readonly workflow: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly everyMs?: number;
  readonly overlap: "skip" | "allow";
  readonly inputs: JsonObject;
  /** When it is due next, after a moment; `undefined` when it never is again. */
  readonly next: (after: number) => number | undefined;
}

/** The same of any workflow. */
export interface AnySchedule {
  readonly workflow?: Workflow | string;
  readonly cron?: string;
  readonly everyMs?: number;
  readonly timeZone?: string;
  readonly inputs?: JsonObject;
  readonly overlap?: "skip" | "allow";
}
const KNOWN: readonly string[] = ["workflow", "cron", "everyMs", "timeZone", "inputs", "overlap"] satisfies readonly (keyof AnySchedule)[];

/** @param now a cron expression that is never due after it is refused. @throws NAME_INVALID · OPTION_INVALID · WORKFLOW_NOT_FOUND · INPUT_INVALID */
export function scheduleOf(name: string, given: AnySchedule, registry: WorkflowRegistry, limits: Limits, now: number): Schedule {
  checkName(name);
  for (const option of Object.keys(given)) if (!KNOWN.includes(option)) throw invalid(option, "there is no such option");
  const { inputs = {}, overlap = "skip" } = given;
  if (overlap !== "skip" && overlap !== "allow") throw invalid("overlap", "it is skip or allow");
  const when = dueTimes(given, now);
  const workflow = registry.get(String(nameOf(given.workflow)));
  checkInputs(workflow, inputs, limits);
  return { name, workflow: workflow.name, ...when, overlap, inputs: JSON.parse(JSON.stringify(inputs)) as JsonObject };
}

function dueTimes({ cron, everyMs, timeZone }: AnySchedule, now: number): Pick<Schedule, "cron" | "timeZone" | "everyMs" | "next"> {
  if ((cron === undefined) === (everyMs === undefined)) throw invalid("cron", "a schedule has either cron or everyMs");
  if (everyMs !== undefined) {
    checkWhole("everyMs", everyMs, 1, CENTURY_MS);
    if (timeZone !== undefined) throw invalid("timeZone", "everyMs counts from the epoch, in no time zone");
    return { everyMs, next: (after) => (Math.floor(after / everyMs) + 1) * everyMs };
  }
  const zone = timeZone ?? "UTC";
  checkZone(zone);
  const next = cronTimes(cron as string, zone);
  if (next(now) === undefined) throw invalid("cron", "it is never due");
  return { cron: cron as string, timeZone: zone, next };
}

function cronTimes(cron: string, timezone: string): (after: number) => number | undefined {
  try {
    if (typeof cron !== "string") throw new TypeError("it is not text");
    const times = new Cron(cron, { timezone, paused: true });
    return (after) => times.nextRun(new Date(after))?.getTime();
  } catch (cause) {
    throw invalid("cron", (cause as Error).message.replace(/^CronPattern: /, ""), cause);
  }
}

function checkZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch (cause) {
    throw invalid("timeZone", "there is no such time zone", cause);
  }
}

function invalid(option: string, reason: string, cause?: unknown): NexusError {
  return new NexusError("OPTION_INVALID", { option, reason }, { cause });
}
