export interface StateEntry {
  readonly key: string;
  /** Plain JSON. */
  readonly value: unknown;
  /** Only grows, also across delete and re-creation of a key. */
  readonly revision: number;
}

/** What is not history: cursors, leases, snapshots. Keys are segments of [A-Za-z0-9_=-] joined by "/", 512 bytes at most; values are JSON up to 768 KiB. */
export interface State {
  /** @returns `undefined` when there is no such key. */
  get(key: string): Promise<{ readonly value: unknown; readonly revision: number } | undefined>;
  /**
   * @param options.revision absent: whatever is there; 0: only if new; n: only if unchanged since.
   * @returns the new revision, when it is as durable as an appended event.
   * @throws STATE_CONFLICT with the revision that is there (0: none).
   * @throws STATE_INVALID for a key or value that cannot be stored.
   */
  put(key: string, value: unknown, options?: { readonly revision?: number }): Promise<number>;
  /** As `put`; deleting what is not there is fine unless a revision is named. */
  delete(key: string, options?: { readonly revision?: number }): Promise<void>;
  /** A page of the entries whose key begins with `prefix`, by key. @returns `next` to pass as `after`, absent on the last page. */
  list(
    prefix: string,
    options?: { readonly after?: string; readonly limit?: number },
  ): Promise<{ readonly entries: readonly StateEntry[]; readonly next?: string }>;
}
