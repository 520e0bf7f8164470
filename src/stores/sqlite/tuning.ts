/** The store's measures. */
export interface Tuning {
  /** How many events the index keeps in memory before it writes them to the file. */
  readonly indexEvery: number;
  /** At least so many keys of the index are written with a commit, once some are due. */
  readonly indexKeys: number;
  /** At most so many calls, and about so many bytes, in one transaction: the event loop waits for each. */
  readonly batchCalls: number;
  readonly batchBytes: number;
  /** From so many appends at once on, a thread of its own writes them; never where there is one processor only. */
  readonly apartFrom: number;
  /** Its code, if it is to be other than ours. */
  readonly writer?: URL;
}

export const DEFAULTS: Tuning = { indexEvery: 8192, indexKeys: 32, batchCalls: 1000, batchBytes: 4 * 1024 * 1024, apartFrom: 200 };
