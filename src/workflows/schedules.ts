import { NexusError } from "../errors.ts";
import type { Context } from "../events/context.ts";
import type { Limits } from "../events/limits.ts";
import type { State } from "../log/state.ts";
import { answered } from "../observability/answered.ts";
import { background, type Clock, until } from "../observability/clock.ts";
import type { Counters } from "../observability/counters.ts";
import type { Logger } from "../observability/logger.ts";
import type { Executor } from "./executor.ts";
import { type Launcher, scheduledRunId } from "./launcher.ts";
import type { WorkflowRegistry } from "./registry.ts";
import { hasEnded } from "./run.ts";
import { type AnySchedule, type Schedule, scheduleOf } from "./schedule.ts";

export interface SchedulesSetup {
  readonly registry: WorkflowRegistry;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
}

/** What schedules need of an open app. */
export interface SchedulesParts {
  readonly launcher: Launcher;
  readonly executor: Executor;
  readonly state: State;
  readonly within: <T>(context: Context, call: () => T) => T;
}

/** How a schedule is shown. */
export interface ScheduleRecord {
  readonly name: string;
  readonly workflow: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly everyMs?: number;
  readonly overlap: "skip" | "allow";
  /** When it is due next. */
  readonly nextAt?: number;
  /** The latest run it started, and when that was due. */
  readonly lastRunId?: string;
  readonly lastDueAt?: number;
}

interface Latest {
  readonly runId: string;
  readonly dueAt: number;
}

/** An added schedule, until it is taken away. */
interface Entry {
  readonly schedule: Schedule;
  readonly ended: AbortController;
  /** Firings that are being recorded. */
  firing: number;
}

/** Starts runs by the clock: each due time once, in whichever process is first. */
export class Schedules {
  readonly #setup: SchedulesSetup;
  readonly #entries = new Map<string, Entry>();
  #parts: SchedulesParts | undefined;

  constructor(setup: SchedulesSetup) {
    this.#setup = setup;
  }

  /** @returns a function that takes it away. @throws SCHEDULE_EXISTS, and what `scheduleOf` throws: then there is none. */
  add(name: string, options: AnySchedule): () => void {
    const { registry, limits, clock } = this.#setup;
    const schedule = scheduleOf(name, options, registry, limits, clock.now());
    if (this.#entries.has(name)) throw new NexusError("SCHEDULE_EXISTS", { schedule: name });
    const entry: Entry = { schedule, ended: new AbortController(), firing: 0 };
    this.#entries.set(name, entry);
    if (this.#parts !== undefined) this.#follow(entry, this.#parts);
    return () => {
      entry.ended.abort(new NexusError("STOPPING", {}));
      if (this.#entries.get(name) === entry) this.#entries.delete(name);
    };
  }

  /** From now on they fire. What was due before is not made up for. */
  begin(parts: SchedulesParts): void {
    this.#parts = parts;
    for (const entry of this.#entries.values()) this.#follow(entry, parts);
  }

  /** Nothing fires any more. */
  stop(): void {
    for (const { ended } of this.#entries.values()) ended.abort(new NexusError("STOPPING", {}));
  }

  /** When each is due next. */
  get due(): readonly { readonly name: string; readonly nextAt?: number }[] {
    return [...this.#entries.values()].map(({ schedule }) => ({ name: schedule.name, ...this.#nextAt(schedule) }));
  }

  /** By name. */
  async list(state: State): Promise<readonly ScheduleRecord[]> {
    const schedules = [...this.#entries.values()].map(({ schedule }) => schedule).sort((a, b) => (a.name < b.name ? -1 : 1));
    return await Promise.all(
      schedules.map(async (schedule) => {
        const { next: _next, inputs: _inputs, ...shown } = schedule;
        const latest = await latestOf(state, schedule.name);
        return {
          ...shown,
          ...this.#nextAt(schedule),
          ...(latest !== undefined && { lastRunId: latest.runId, lastDueAt: latest.dueAt }),
        };
      }),
    );
  }

  #nextAt(schedule: Schedule): { readonly nextAt?: number } {
    const nextAt = schedule.next(this.#setup.clock.now());
    return nextAt === undefined ? {} : { nextAt };
  }

  #follow(entry: Entry, parts: SchedulesParts): void {
    this.#followOn(entry, parts).catch((error: unknown) => {
      if (entry.ended.signal.aborted) return;
      this.#setup.counters.add("schedule_failures");
      this.#setup.logger.error({ error, schedule: entry.schedule.name }, "a schedule has ended: it could not tell when it is due");
    });
  }

  async #followOn(entry: Entry, parts: SchedulesParts): Promise<void> {
    const { schedule, ended } = entry;
    const { clock } = this.#setup;
    for (let after = clock.now(); ; ) {
      const dueAt = schedule.next(after);
      if (dueAt === undefined) return;
      await until(clock, dueAt, ended.signal);
      ended.signal.throwIfAborted();
      this.#fire(entry, parts, dueAt);
      after = Math.max(dueAt, clock.now());
      this.#tellMissed(schedule, dueAt, after);
    }
  }

  /** The process was held up, or its machine slept: of what came due meanwhile only the first is executed. */
  #tellMissed({ name, next }: Schedule, dueAt: number, now: number): void {
    const missed = next(dueAt);
    if (missed === undefined || missed > now) return;
    this.#setup.counters.add("schedules_late");
    this.#setup.logger.warn({ schedule: name, from: missed, to: now }, "firings of a schedule were missed: the process was held up");
  }

  #fire(entry: Entry, parts: SchedulesParts, dueAt: number): void {
    const { logger, counters } = this.#setup;
    const { name } = entry.schedule;
    if (entry.schedule.overlap === "skip" && entry.firing > 0) return this.#skip(name, dueAt);
    entry.firing += 1;
    answered(background(this.#setup.clock), entry.ended.signal, () => this.#start(entry.schedule, parts, dueAt))
      .catch((error: unknown) => {
        if (entry.ended.signal.aborted) return;
        counters.add("schedule_failures");
        logger.error({ error, schedule: name, dueAt }, "a schedule could not start its run");
      })
      .finally(() => (entry.firing -= 1));
  }

  async #start({ name, workflow, inputs, overlap }: Schedule, parts: SchedulesParts, dueAt: number): Promise<void> {
    const { launcher, state, within } = parts;
    const runId = scheduledRunId(name, dueAt);
    const latest = await latestOf(state, name);
    if (overlap === "skip" && latest !== undefined && latest.runId !== runId && (await goesOn(parts.executor, latest.runId)))
      return this.#skip(name, dueAt);
    // Before the run: one that goes on is to be known in any case.
    if (latest === undefined || latest.dueAt < dueAt) await state.put(keyOf(name), { runId, dueAt });
    await within({ channel: "schedule" }, () => launcher.fire(this.#setup.registry.get(workflow), inputs, name, dueAt));
  }

  #skip(name: string, dueAt: number): void {
    this.#setup.counters.add("schedules_skipped");
    this.#setup.logger.info({ schedule: name, dueAt }, "a firing was skipped: the run before goes on");
  }
}

async function goesOn(executor: Executor, runId: string): Promise<boolean> {
  const state = executor.find(runId)?.state ?? (await executor.read(runId));
  return state !== undefined && !hasEnded(state);
}

async function latestOf(state: State, name: string): Promise<Latest | undefined> {
  return (await state.get(keyOf(name)))?.value as Latest | undefined;
}

function keyOf(name: string): string {
  return `schedules/${Buffer.from(name).toString("base64url")}`;
}
