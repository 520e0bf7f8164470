/** What is being answered: a server that stops lets it be told so. */
export class UnderWay {
  #count = 0;
  #settled = (): void => {};

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#count++;
    try {
      return await work();
    } finally {
      this.#count--;
      if (this.#count === 0) this.#settled();
    }
  }

  /** Resolves when nothing is left, or after `mostMs`. */
  async settled(mostMs: number): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
      setTimeout(resolve, mostMs).unref();
    });
  }
}
