import { type ErrorCode, NexusError } from "../../errors.ts";
import type { NewEvent, StoredEvent } from "../../events/event.ts";
import type { Filter } from "../../events/filter.ts";
import type { Log } from "../../log/log.ts";
import type { State } from "../../log/state.ts";
import type { OpenStore, Store } from "../../log/store.ts";

/** What one case claims of an open store. */
export type Body = (subject: Subject) => Promise<void>;

/** Where the store comes from. */
interface Place extends AsyncDisposable {
  store(): Store;
}

/** A store under test: open, with a clock that the case sets. */
export class Subject implements AsyncDisposable {
  readonly #place: Place;
  #store: Store;
  #opened: OpenStore;
  /** What the store takes the time to be. */
  readonly clock: { now: number };

  private constructor(place: Place, clock: { now: number }, store: Store, opened: OpenStore) {
    this.#place = place;
    this.clock = clock;
    this.#store = store;
    this.#opened = opened;
  }

  static async open(place: Place): Promise<Subject> {
    const clock = { now: 1_700_000_000_000 };
    const store = place.store();
    return new Subject(place, clock, store, await store.open({ now: () => clock.now }));
  }

  get log(): Log {
    return this.#opened.log;
  }

  get state(): State {
    return this.#opened.state;
  }

  /** Another store on the same place, not opened. */
  another(): Store {
    return this.#place.store();
  }

  async close(): Promise<void> {
    await this.#opened[Symbol.asyncDispose]();
  }

  /** Closes, and opens the same place again. */
  async reopen(): Promise<void> {
    await this.close();
    this.#store = this.#place.store();
    this.#opened = await this.#store.open({ now: () => this.clock.now });
  }

  /** All that a filter finds, page by page. */
  async all(filter?: Filter, limit?: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (let after = 0; ; ) {
      const page = await this.log.read({ after, ...(filter && { filter }), ...(limit !== undefined && { limit }) });
      events.push(...page.events);
      after = page.next;
      if (page.upToDate) return events;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#store[Symbol.asyncDispose]();
    } finally {
      await this.#place[Symbol.asyncDispose]();
    }
  }
}

/** A new event; what it is about does not matter. */
export function anEvent(fields?: Partial<NewEvent>): NewEvent {
  return {
    id: crypto.randomUUID(),
    type: "THING_HAPPENED",
    channel: "app",
    source: "test/abc123",
    visibility: "operators",
    data: { thing: 1 },
    ...fields,
  };
}

/** An event of a run's stream. */
export function aStep(runId: string, fields?: Partial<NewEvent>): NewEvent {
  return anEvent({ type: "step.started", runId, workflowName: "w", ...fields });
}

/** For `assert.rejects`: whether it failed with that code. */
export function code(expected: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    if (NexusError.is(error, expected)) return true;
    throw new Error(`expected ${expected}`, { cause: error });
  };
}
