/** A place among the runs that go on, or the wait for one. */
export interface Slot {
  /** Resolves when it is a place; absent when it was one at once. */
  readonly ready: Promise<void> | undefined;
  /** Gives it up, the place or the wait. Once is enough. */
  release(): void;
}

/** How many runs of one workflow go on at once in this process. Those that were under way already, and waited for something, come before new ones. */
export class Slots {
  #limit: number;
  #busy = 0;
  readonly #returning: (() => void)[] = [];
  readonly #fresh: (() => void)[] = [];

  constructor(limit: number | undefined) {
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
  }

  /** The workflow was registered again: those that have a place keep it. */
  set limit(limit: number | undefined) {
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
    this.#next();
  }

  /** Whether a new run would get a place at once. */
  get free(): boolean {
    return this.#busy < this.#limit && this.#returning.length === 0 && this.#fresh.length === 0;
  }

  /** How many new runs wait for a place. */
  get waiting(): number {
    return this.#fresh.length;
  }

  /** Asks for a place; those of one kind get theirs in the order they asked. */
  reserve(kind: "fresh" | "returning"): Slot {
    const queue = kind === "fresh" ? this.#fresh : this.#returning;
    let state: "waiting" | "held" | "released" = "waiting";
    let resolve = (): void => {};
    const ready = new Promise<void>((resolved) => (resolve = resolved));
    const take = (): void => {
      state = "held";
      resolve();
    };
    queue.push(take);
    this.#next();
    const held = (state as string) === "held";
    return {
      ready: held ? undefined : ready,
      release: () => {
        if (state === "waiting") queue.splice(queue.indexOf(take), 1);
        if (state === "held") this.#busy -= 1;
        state = "released";
        this.#next();
      },
    };
  }

  #next(): void {
    while (this.#busy < this.#limit) {
      const take = this.#returning.shift() ?? this.#fresh.shift();
      if (take === undefined) return;
      this.#busy += 1;
      take();
    }
  }
}
