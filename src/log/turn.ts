const LONG_MS = 5;

/**
 * Whether this turn of the event loop has gone on for long. Reads that are answered at once never leave their turn, however many a caller awaits one after another;
 * so now and then one has to wait for the next turn: sockets, timers and commits have theirs in between.
 */
export class Turn {
  #began: number | undefined;

  get isLong(): boolean {
    if (this.#began !== undefined) return performance.now() - this.#began > LONG_MS;
    this.#began = performance.now();
    setImmediate(() => (this.#began = undefined));
    return false;
  }
}
