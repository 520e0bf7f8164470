import type { OpenStore, Store } from "../../log/store.ts";
import { DEFAULTS, type Tuning } from "./tuning.ts";

/**
 * Keeps the log and the state in one SQLite file, for one process at a time.
 *
 * @param options.sync "full" (default): what was acknowledged survives power loss; "normal": it survives the process, and at power loss the newest of it may go.
 */
export function sqliteStore(file: string, options?: { readonly sync?: "full" | "normal" | undefined }): Store {
  return tunedSqliteStore(file, options?.sync ?? "full", DEFAULTS);
}

/** The store with other measures than everyone's: for the tests that want many index blocks of few events. */
export function tunedSqliteStore(file: string, sync: "full" | "normal", tuning: Tuning): Store {
  let opened: OpenStore | undefined;
  return {
    name: "sqlite",
    durability: sync === "full" ? "fsync" : "os",
    open: async (setup) => {
      // Only now: whoever names this store but never opens it needs no native code.
      const { openSqlite } = await import("./open.ts");
      opened = openSqlite(file, sync, tuning, setup);
      return opened;
    },
    [Symbol.asyncDispose]: async () => {
      await opened?.[Symbol.asyncDispose]();
    },
  };
}
