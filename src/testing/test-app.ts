import type { Nexus } from "../api.ts";
import type { App } from "../app.ts";
import type { NexusEvent } from "../events/event.ts";
import type { Store } from "../log/store.ts";
import type { Logger } from "../observability/logger.ts";
import { memoryStore } from "../stores/memory/store.ts";
import { type FakeClock, fakeClock } from "./fake-clock.ts";
import { settling } from "./settling.ts";

/** What an app is built with, to be tested: spread it into its options. */
export interface TestSetup {
  /** In memory; what is recorded survives `crash()`. */
  readonly store: Store;
  readonly clock: FakeClock;
  /** Says nothing. */
  readonly logger: Logger;
}

export interface TestApp<App extends Nexus> extends AsyncDisposable {
  /** After a crash: the new one. */
  readonly app: App;
  readonly clock: FakeClock;
  /** Everything recorded so far. */
  events(): Promise<readonly NexusEvent[]>;
  /** Resolves when nothing is running, due or undelivered: all that is left of runs are sleeps and waits, handlers are through, and consumers too, but for what they try again later. */
  settled(): Promise<void>;
  /** Drops the app as a crash would, and builds it again on the same store. */
  crash(): Promise<App>;
}

const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
/** Of real time. What does its work in it is waited for; what does not, perhaps waits for the time that is moved. */
const GRACE_MS = 1_000;

/**
 * Your app in memory, on a clock you move, started without a port: `await using t = await testApp((setup) => new Nexus({ ...setup, workflows, events }))`.
 *
 * @param build is called again after each crash.
 */
export async function testApp<App extends Nexus>(build: (setup: TestSetup) => App): Promise<TestApp<App>> {
  const store = memoryStore();
  const rest = settling(() => activityOf(app));
  const clock = fakeClock(() => rest.settledWithin(GRACE_MS));
  const started = async (): Promise<App> => {
    const built = build({ store, clock, logger: SILENT });
    await built.start({ listen: false });
    return built;
  };
  const drop = async (): Promise<void> => {
    // First the store: whatever the app still does comes to nothing.
    await store[Symbol.asyncDispose]();
    await app.stop({ deadlineMs: 0 });
  };
  let app = await started();
  return {
    get app() {
      return app;
    },
    clock,
    events: async () => {
      const events: NexusEvent[] = [];
      for (let after = "earliest"; ; ) {
        const page = await app.getEvents({ after, limit: 1000 });
        events.push(...(page.events as readonly NexusEvent[]));
        if (!page.hasMore) return events;
        after = page.cursor;
      }
    },
    settled: () => rest.settled(),
    crash: async () => {
      await drop();
      app = await started();
      return app;
    },
    [Symbol.asyncDispose]: drop,
  };
}

async function activityOf(app: Nexus): ReturnType<App["activity"]> {
  return await (app as unknown as App).activity();
}
