import type { Log } from "./log.ts";
import type { State } from "./state.ts";

/** What an app opens a store with. */
export interface StoreSetup {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A place to keep one log and one state: what `memoryStore()` and `sqliteStore(file)` return. Nothing is opened before `open`. */
export interface Store extends AsyncDisposable {
  readonly name: string;
  /** How an acknowledged append is kept: "fsync" survives power loss, "os" a crash of the process, "none" nothing. */
  readonly durability: "fsync" | "os" | "none";
  /** @throws STORE_LOCKED · STORE_NEWER · STORE_DAMAGED · STORE_UNAVAILABLE */
  open(setup: StoreSetup): Promise<OpenStore>;
}

export interface OpenStore extends AsyncDisposable {
  readonly log: Log;
  readonly state: State;
}
