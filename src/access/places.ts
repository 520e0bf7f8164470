/** How many of something may be open. */
export interface Bounds {
  /** In all. Default: any number. */
  readonly most?: number;
  /** Of one caller, where callers are known. */
  readonly mostOfOne: number;
}

/** How many of something are open, in all and of each caller. */
export class Places {
  readonly #bounds: Bounds;
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** @returns what gives the place back; `undefined` when there is none. @param caller `undefined` where callers are not known. */
  take(caller: string | undefined): (() => void) | undefined {
    const { most = Number.POSITIVE_INFINITY, mostOfOne } = this.#bounds;
    const own = caller === undefined ? 0 : (this.#taken.get(caller) ?? 0);
    if (this.#all >= most || own >= mostOfOne) return undefined;
    this.#all++;
    if (caller !== undefined) this.#taken.set(caller, own + 1);
    let isTaken = true;
    return () => {
      // Some say twice that they are over.
      if (!isTaken) return;
      isTaken = false;
      this.#all--;
      if (caller !== undefined) this.#leave(caller);
    };
  }

  #leave(caller: string): void {
    const left = (this.#taken.get(caller) ?? 0) - 1;
    if (left > 0) this.#taken.set(caller, left);
    else this.#taken.delete(caller);
  }
}
