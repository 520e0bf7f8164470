/** Those who wait until the reader of a stream has taken what it was given. */
export class RoomWaiters {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next `wake`. Rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        this.#waiting.delete(ready);
        reject(signal.reason as Error);
      };
      const ready = (): void => {
        signal.removeEventListener("abort", aborted);
        resolve();
      };
      if (signal.aborted) return reject(signal.reason as Error);
      signal.addEventListener("abort", aborted, { once: true });
      this.#waiting.add(ready);
    });
  }

  wake(): void {
    for (const ready of this.#waiting) ready();
    this.#waiting.clear();
  }
}
