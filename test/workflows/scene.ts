import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Logger,
  memoryStore,
  Nexus,
  NexusError,
  type NexusEvent,
  type NexusOptions,
  type Store,
  sqliteStore,
} from "nexus-event-system";

/** A place where apps start and die, one after the other, on one store. */
export interface Scene extends AsyncDisposable {
  /** An app that has started, without a port. @param before what is done with it before it starts. */
  start(options?: Omit<NexusOptions, "store">, before?: (app: Nexus) => void): Promise<Nexus>;
  /** Takes the store away under the app, as its death would: whatever it still does comes to nothing. */
  crash(): Promise<void>;
}

export const quiet: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The stores on which what survives a crash is proved. */
export const STORES: readonly (readonly [name: string, open: () => Promise<Scene>])[] = [
  [
    "memory",
    async () => {
      const store = memoryStore();
      return scene(() => store);
    },
  ],
  [
    "sqlite",
    async () => {
      const directory = await mkdtemp(join(tmpdir(), "nexus-test-"));
      return scene(
        () => sqliteStore(join(directory, "nexus.db")),
        () => rm(directory, { recursive: true, force: true }),
      );
    },
  ],
];

/** @param storeOf is asked for the store at each start. */
export function scene(storeOf: () => Store, clean: () => Promise<void> = async () => {}): Scene {
  let live: { readonly app: Nexus; readonly store: Store } | undefined;
  const crash = async (): Promise<void> => {
    const { app, store } = live ?? {};
    live = undefined;
    await store?.[Symbol.asyncDispose]();
    await app?.stop({ deadlineMs: 0 });
  };
  return {
    start: async (options = {}, before) => {
      await crash();
      const store = storeOf();
      const app = new Nexus({ logger: quiet, ...options, store }) as Nexus;
      live = { app, store };
      before?.(app);
      await app.start({ listen: false });
      return app;
    },
    crash,
    [Symbol.asyncDispose]: async () => {
      await crash();
      await clean();
    },
  };
}

/** In memory. */
export function memoryScene(): Scene {
  const store = memoryStore();
  return scene(() => store);
}

/** All events of a run, oldest first. */
export async function eventsOf(app: Nexus, runId: string): Promise<readonly NexusEvent<string, any>[]> {
  return (await app.getEvents({ runId, limit: 1000 })).events as readonly NexusEvent<string, any>[];
}

/** A run's events in words: its type, and of a step its name and attempt. */
export async function story(app: Nexus, runId: string): Promise<readonly string[]> {
  return (await eventsOf(app, runId)).map(({ type, data }) => (type.startsWith("step.") ? `${type} ${data.step}@${data.attempt}` : type));
}

/** The code of what a promise rejects with; of a failed workflow that of its own error. */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    const cause = NexusError.is(error, "WORKFLOW_FAILED") ? error.details.error : (error as Error & { readonly code?: string });
    return cause.code ?? cause.message;
  }
  return "NO_ERROR";
}

/** Resolves when the run has ended, however. */
export async function ended(app: Nexus, runId: string): Promise<NexusEvent<string, any>> {
  const type = ["workflow.completed", "workflow.failed", "workflow.cancelled"];
  for await (const event of app.subscribe({ runId, type, after: "earliest" })) return event as NexusEvent<string, any>;
  throw new Error("the app stopped first");
}

/** The next event of a type, of any time since the log began. */
export async function seen(app: Nexus, type: string, runId?: string): Promise<NexusEvent<string, any>> {
  for await (const event of app.subscribe({ type, ...(runId !== undefined && { runId }), after: "earliest" }))
    return event as NexusEvent<string, any>;
  throw new Error("the app stopped first");
}
