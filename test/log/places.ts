import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StorePlace } from "nexus-event-system/testing";
import { memoryStore } from "../../src/stores/memory/store.ts";
import { sqliteStore, tunedSqliteStore } from "../../src/stores/sqlite/store.ts";
import type { Tuning } from "../../src/stores/sqlite/tuning.ts";

/** Small measures: many blocks of few events, many commits. */
const TINY: Tuning = { indexEvery: 7, indexKeys: 3, batchCalls: 5, batchBytes: 1000, apartFrom: Number.POSITIVE_INFINITY };

export interface Directory extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryDirectory(): Promise<Directory> {
  const path = await mkdtemp(join(tmpdir(), "nexus-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Each store there is, by name, with a way to a new and empty place. */
export const PLACES: Readonly<Record<string, () => Promise<StorePlace>>> = {
  memory: async () => {
    const store = memoryStore();
    return { store: () => store, [Symbol.asyncDispose]: async () => {} };
  },
  sqlite: async () => {
    const directory = await temporaryDirectory();
    return {
      store: () => sqliteStore(join(directory.path, "made/on/demand.db")),
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  },
  "sqlite, in small parts": () => tuned(TINY),
  "sqlite, by another thread": () => tuned({ ...TINY, apartFrom: 1 }),
};

async function tuned(tuning: Tuning): Promise<StorePlace> {
  const directory = await temporaryDirectory();
  return {
    store: () => tunedSqliteStore(join(directory.path, "x.db"), "normal", tuning),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
