interface Waiter {
  readonly position: number;
  wake(): void;
  fail(reason: Error): void;
}

/** Those who wait for a log to grow past a position. They compare positions, so nobody sleeps through an append; there are no timers. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** @returns a promise for the first `wake` with more than `position`; it rejects with the signal's reason, or that of `fail`. */
  wait(position: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const leave = (): void => {
        this.#waiting.delete(waiter);
        signal.removeEventListener("abort", aborted);
      };
      const fail = (reason: Error): void => {
        leave();
        reject(reason);
      };
      const aborted = (): void => fail(signal.reason as Error);
      const wake = (): void => {
        leave();
        resolve();
      };
      const waiter: Waiter = { position, wake, fail };
      this.#waiting.add(waiter);
      signal.addEventListener("abort", aborted);
    });
  }

  /** The log has grown to `sequence`. */
  wake(sequence: number): void {
    for (const waiter of this.#waiting) if (waiter.position < sequence) waiter.wake();
  }

  /** Nothing will come any more. */
  fail(reason: Error): void {
    for (const waiter of this.#waiting) waiter.fail(reason);
  }
}
