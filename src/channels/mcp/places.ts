/** In all. */
export const MOST = 1_000;
/** Of one caller, where callers are known. */
export const MOST_OF_ONE = 100;

/** How many of something are open. */
export class Places {
  readonly #taken = new Map<string | undefined, number>();
  #all = 0;

  /** @returns what gives the place back; `undefined` when there is none. @param caller `undefined` where callers are not known. */
  take(caller: string | undefined): (() => void) | undefined {
    const own = this.#taken.get(caller) ?? 0;
    if (this.#all >= MOST || (caller !== undefined && own >= MOST_OF_ONE)) return undefined;
    this.#all++;
    this.#taken.set(caller, own + 1);
    let isTaken = true;
    return () => {
      // Some say twice that they are over.
      if (!isTaken) return;
      isTaken = false;
      this.#all--;
      const left = (this.#taken.get(caller) ?? 0) - 1;
      if (left > 0) this.#taken.set(caller, left);
      else this.#taken.delete(caller);
    };
  }
}
