import { NexusError } from "../errors.ts";
import type { NewEvent, StoredEvent } from "../events/event.ts";
import { type Filter, parseFilter } from "../events/filter.ts";
import type { Log, Position } from "../log/log.ts";
import type { Recorder } from "../log/recorder.ts";
import { answered } from "../observability/answered.ts";
import type { Clock } from "../observability/clock.ts";
import { foldRun, hasEnded, type RunState } from "./run.ts";

interface Entry {
  readonly event: NewEvent;
  resolve(position: Position): void;
  reject(error: unknown): void;
}

const SHORTEST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;

export interface StreamParts {
  readonly log: Log;
  readonly recorder: Recorder;
  readonly clock: Clock;
  /** `source` of this process: its claims are ours. */
  readonly source: string;
}

/** The events of a run's own stream: its life and its steps. */
export function streamFilter(runId: string): Filter {
  return parseFilter({ runId, type: ["workflow.*", "step.*"] });
}

/**
 * A run's stream, written by its owner. Each event names the one before it, and is sent without waiting for that to be durable.
 *
 * When one is refused, so are those that name it. Then what the owner has not seen is read and folded: an end, or another process's claim, stops it;
 * behind anything else all that was not recorded is sent again, with the same ids, so nothing is recorded twice. A store that does not answer is asked again.
 */
export class RunStream {
  readonly #parts: StreamParts;
  readonly #stopped: (reason: NexusError) => void;
  /** The claim this process writes under, or the one before it. */
  readonly #claim: string;
  #state: RunState;
  #pending: Entry[] = [];
  /** Id of the last event sent. */
  #tip: string;
  #inFlight = 0;
  #landed: (() => void) | undefined;
  #repairing = false;
  #backoff = SHORTEST_BACKOFF_MS;
  #closed = false;
  /** Why, where that is more than that the run is over. */
  #reason: NexusError | undefined;

  /** @param stopped hears that the run is no longer this process's to write. */
  constructor(parts: StreamParts, state: RunState, stopped: (reason: NexusError) => void) {
    this.#parts = parts;
    this.#state = state;
    this.#claim = state.claim;
    this.#tip = state.lastId;
    this.#stopped = stopped;
  }

  /** What is recorded, as far as this process has seen it. */
  get state(): RunState {
    return this.#state;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @throws RUN_LOST once the run has ended or is another's · whatever refuses the event itself. */
  append(event: NewEvent): Promise<Position> {
    if (this.#closed) return Promise.reject(this.#reason ?? this.#lost());
    return new Promise((resolve, reject) => {
      const entry: Entry = { event, resolve, reject };
      this.#pending.push(entry);
      if (!this.#repairing) this.#send(entry);
    });
  }

  /** The run's last event: nothing can follow it. */
  end(event: NewEvent): Promise<Position> {
    const last = this.append(event);
    this.#closed = true;
    return last;
  }

  /** What was sent before stays sent; nothing more is. */
  close(reason: NexusError): void {
    if (!this.#closed) this.#reason = reason;
    this.#closed = true;
  }

  /** Another process recorded something of the run. */
  look(): void {
    if (!this.#repairing && !this.#closed) this.#beginRepair(false);
  }

  #beginRepair(storeAway: boolean): void {
    this.#repairing = true;
    this.#repair(storeAway).catch((cause: unknown) => this.#stop(cause as NexusError));
  }

  #send(entry: Entry): void {
    const expect = this.#tip;
    this.#tip = entry.event.id;
    this.#inFlight += 1;
    this.#parts.recorder
      .append(entry.event, { expect })
      .then(
        (position) => this.#acknowledge(entry, position),
        (error: unknown) => this.#refused(entry, error),
      )
      .finally(() => {
        this.#inFlight -= 1;
        if (this.#inFlight === 0) this.#landed?.();
      });
  }

  #acknowledge(entry: Entry, position: Position): void {
    this.#pending = this.#pending.filter((other) => other !== entry);
    this.#backoff = SHORTEST_BACKOFF_MS;
    // An event that was refused before this one may still be missing: it is folded when it is read.
    if (!this.#repairing) this.#fold({ ...entry.event, sequence: position.sequence, timestamp: position.timestamp });
    entry.resolve(position);
  }

  #refused(entry: Entry, error: unknown): void {
    if (!isPassing(error)) {
      this.#pending = this.#pending.filter((other) => other !== entry);
      entry.reject(error);
      if (NexusError.is(error, "APP_STOPPED")) return this.#stop(error);
    }
    if (this.#repairing) return;
    this.#beginRepair(NexusError.is(error, "STORE_UNAVAILABLE"));
  }

  async #repair(storeAway: boolean): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#landed = resolve));
    this.#landed = undefined;
    if (storeAway) {
      await this.#parts.clock.sleep(this.#backoff);
      this.#backoff = Math.min(this.#backoff * 2, LONGEST_BACKOFF_MS);
    }
    const before = this.#state.lastSequence;
    await this.#readOn();
    // Refused, and nothing new to be seen: not at full speed.
    if (!storeAway && this.#pending.length > 0 && this.#state.lastSequence === before) await this.#parts.clock.sleep(SHORTEST_BACKOFF_MS);
    const { claim, owner } = this.#state;
    if (hasEnded(this.#state) || (claim !== this.#claim && owner !== this.#parts.source)) return this.#stop(this.#lost());
    this.#tip = this.#state.lastId;
    this.#repairing = false;
    for (const entry of this.#pending) this.#send(entry);
  }

  /** Folds what the log holds beyond what is known; a store that is away is asked until it answers. */
  async #readOn(): Promise<void> {
    for (let upToDate = false; !upToDate; ) {
      const query = { after: this.#state.lastSequence, filter: streamFilter(this.#state.runId), limit: 1000 };
      const page = await answered(this.#parts.clock, undefined, () => this.#parts.log.read(query));
      for (const event of page.events) this.#found(event);
      upToDate = page.upToDate;
    }
  }

  /** An event that is recorded; perhaps one of ours whose answer never came. */
  #found(event: StoredEvent): void {
    this.#fold(event);
    const entry = this.#pending.find((pending) => pending.event.id === event.id);
    if (entry === undefined) return;
    this.#pending = this.#pending.filter((other) => other !== entry);
    entry.resolve({ id: event.id, sequence: event.sequence, timestamp: event.timestamp, recorded: true });
  }

  #fold(event: StoredEvent): void {
    this.#state = foldRun(this.#state, event) as RunState;
  }

  #stop(reason: NexusError): void {
    this.close(reason);
    for (const entry of this.#pending.splice(0)) entry.reject(reason);
    this.#stopped(reason);
  }

  #lost(): NexusError {
    return new NexusError("RUN_LOST", { runId: this.#state.runId });
  }
}

/** Whether the same append may still be recorded. */
function isPassing(error: unknown): boolean {
  return NexusError.is(error, "STREAM_CONFLICT") || NexusError.is(error, "STORE_UNAVAILABLE");
}
