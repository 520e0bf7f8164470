import { waitFor } from "../delivery/wait.ts";
import { NexusError } from "../errors.ts";
import type { EventDefinition } from "../events/definitions.ts";
import type { NexusEvent, StoredEvent } from "../events/event.ts";
import { filterOf, nameOf } from "../events/event-filter.ts";
import { parseFilter } from "../events/filter.ts";
import { type JsonObject, jsonFault } from "../events/json.ts";
import { recordedEvent } from "../events/recorded-event.ts";
import { checkWhole } from "../events/whole.ts";
import { positionOf } from "../log/cursor.ts";
import { NEEDLESS } from "../observability/clock.ts";
import type { WaitOptions } from "./context.ts";
import type { LiveRun } from "./live-run.ts";
import type { StepState, Waiting } from "./run.ts";
import type { Children } from "./run-context.ts";

const MATCH_NESTING = 64;

/** Sleeps as a step: recorded with its deadline, so it survives the process. */
export async function sleep(run: LiveRun, ms: number): Promise<void> {
  checkWhole("ms", Math.ceil(ms), 0);
  await run.steps.once("sleep", true, async (key, known) => {
    const start = startOf(run, known);
    const until = known?.waiting?.until ?? start + Math.ceil(ms);
    if (known === undefined) run.record("step.started", { step: key, attempt: 1, until });
    await run.suspended(() => elapsed(run, { until }));
    await run.steps.complete(key, 1, undefined, start);
  });
}

/** What waits for events keep between their calls in one pass. */
export class EventWaits {
  readonly #run: LiveRun;
  /** Where the last match of each type was: the next wait looks behind it. */
  readonly #last = new Map<string, number>();

  constructor(run: LiveRun) {
    this.#run = run;
  }

  async wait(type: EventDefinition | string, options: WaitOptions<NexusEvent>): Promise<NexusEvent | undefined> {
    const name = String(nameOf(type));
    const { match, after, timeoutMs, signal, ...fields } = options;
    // A wait survives its process; a signal does not.
    if (signal !== undefined) throw new NexusError("OPTION_UNSUPPORTED", { option: "signal" });
    checkWhole("timeoutMs", timeoutMs, 0);
    filterOf({ ...fields, type: name });
    checkMatch(match);
    const recorded = await this.#run.steps.once(`wait:${name}`, true, async (key, known) => {
      const start = startOf(this.#run, known);
      const waiting =
        known?.waiting ?? (await this.#begin(key, name, { match: match as JsonObject | undefined, after, timeoutMs, fields }));
      const event = await this.#run.suspended(() => matched(this.#run, waiting));
      return await this.#run.steps.record(key, 1, textOf(event), start, isHidden(this.#run, event));
    });
    if (recorded === undefined) return undefined;
    const { cursor, ...event } = recorded as StoredEvent & { readonly cursor: string };
    this.#last.set(name, event.sequence);
    return recordedEvent(event, cursor);
  }

  async #begin(
    key: string,
    type: string,
    options: { match: JsonObject | undefined; after: WaitOptions<never>["after"]; timeoutMs: number | undefined; fields: object },
  ): Promise<Waiting> {
    const { match, after, timeoutMs, fields } = options;
    const place =
      after === undefined ? (this.#last.get(type) ?? this.#run.state.first - 1) : await positionOf(this.#run.services.log, after);
    const filter = plainFilter(type, fields);
    const waiting: Waiting = {
      filter,
      after: place,
      ...(match !== undefined && { match }),
      ...(timeoutMs !== undefined && { until: this.#run.now() + timeoutMs }),
    };
    this.#run.record("step.started", { step: key, attempt: 1, ...waiting });
    return waiting;
  }
}

/** Until a sleep is over. */
async function elapsed(run: LiveRun, waiting: Waiting, signal: AbortSignal = run.signal): Promise<undefined> {
  await run.services.clock.sleep(Math.max(0, (waiting.until ?? 0) - run.now()), signal);
  return undefined;
}

/** The event that a wait is for; `undefined` at its deadline. */
function matched(run: LiveRun, waiting: Waiting, signal: AbortSignal = run.signal): Promise<NexusEvent | undefined> {
  const timeoutMs = waiting.until === undefined ? undefined : waiting.until - run.now();
  const wanted = { filter: parseFilter(waiting.filter ?? {}), match: waiting.match, after: waiting.after ?? 0 };
  return waitFor(run.services.feed, run.services.clock, wanted, timeoutMs, signal);
}

/** Ends the first of a run's sleeps and waits that can end, while its code is not running. A run that it executes ends by itself. */
export async function endFirstWait(run: LiveRun, children: Children): Promise<void> {
  const others = new AbortController();
  const signal = AbortSignal.any([run.signal, others.signal]);
  const open = [...run.state.steps].filter(([, step]) => step.state === "open");
  const ends = open.map(async ([key, step]) => {
    if (step.childRunId !== undefined) return await children.ended(step.childRunId, signal);
    const waiting = step.waiting as Waiting;
    const event = waiting.filter === undefined ? await elapsed(run, waiting, signal) : await matched(run, waiting, signal);
    return { key, step, event };
  });
  try {
    const first = await Promise.race(ends);
    if (first === undefined) return;
    await run.steps.record(first.key, 1, textOf(first.event), startOf(run, first.step), isHidden(run, first.event));
  } finally {
    others.abort(NEEDLESS);
  }
}

/** Whether whoever owns the run would see in it what is another's. */
function isHidden(run: LiveRun, event: NexusEvent | undefined): boolean {
  return event !== undefined && run.services.isHidden(event, run.state.userId);
}

/** An event as JSON: it was recorded, so it is within all limits but those of a result. */
function textOf(event: NexusEvent | undefined): string | undefined {
  return event && JSON.stringify(event);
}

/** @throws OPTION_INVALID for what would not be the same after a restart. */
function checkMatch(match: unknown): void {
  const fault =
    match === undefined
      ? undefined
      : typeof match !== "object" || match === null || Array.isArray(match)
        ? { path: "", message: "is not an object" }
        : jsonFault(match, MATCH_NESTING);
  if (fault !== undefined) throw new NexusError("OPTION_INVALID", { option: "match", reason: `${fault.path || "it"} ${fault.message}` });
}

function startOf(run: LiveRun, known: StepState | undefined): number {
  return known?.startedAt ?? run.now();
}

/** The filter as data: definitions by their names. */
function plainFilter(type: string, fields: object): JsonObject {
  const named = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => [field, Array.isArray(value) ? value.map(nameOf) : nameOf(value)]);
  return Object.fromEntries([...named, ["type", type]]) as JsonObject;
}
