import type { Cursor } from "./events/event.ts";
import type { Floor } from "./log/retention.ts";
import type { AppSetup, OpenApp } from "./open-app.ts";

/** Numbers of one moment: what `GET /health` answers. */
export interface Health {
  readonly status: "ok" | "stopping";
  /** `<app>/<node>`: of what this process records. */
  readonly source: string;
  readonly log: Floor & {
    readonly epoch: string;
    /** Sequences: all up to the floor is forgotten, the head is the newest. */
    readonly floor: number;
    readonly head: number;
    /** Events that readers cannot get to yet. */
    readonly feedLag: number;
    readonly earliest: Cursor;
  };
  readonly runs: { readonly unfinished: number; readonly here: number };
  readonly sessions: { readonly open: number };
  readonly handlers: { readonly lag: number; readonly running: number };
  readonly consumers: object;
  readonly schedules: readonly { readonly name: string; readonly nextAt?: number }[];
  readonly counters: Readonly<Record<string, number>>;
  /** Streams and WebSockets that are open; absent where nothing is served. */
  readonly streams?: number;
}

/** Of an app that is open. */
export async function healthOf(setup: AppSetup, open: OpenApp, isStopping: boolean): Promise<Health> {
  const { store, feed, retention, executor, openRuns, sessions } = open;
  const { epoch, floor, sequence } = await store.log.head();
  return {
    status: isStopping ? "stopping" : "ok",
    source: setup.source,
    log: { epoch, floor, head: sequence, feedLag: sequence - feed.end, ...(await retention.floor()) },
    runs: { unfinished: openRuns.ids.length, here: executor.live.length },
    sessions: { open: sessions.size },
    handlers: setup.handlers.load,
    consumers: await setup.consumers.load(),
    schedules: setup.schedules.due,
    counters: setup.counters.all(),
  };
}
