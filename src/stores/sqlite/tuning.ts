/** The store's measures. */
export interface Tuning {
  /** How many events the index keeps in memory before it writes them to the file. */
  readonly indexEvery: number;
  /** At most so many calls, and about so many bytes, in one transaction: the event loop waits for each. */
  readonly batchCalls: number;
  readonly batchBytes: number;
}

export const DEFAULTS: Tuning = { indexEvery: 8192, batchCalls: 1000, batchBytes: 4 * 1024 * 1024 };
