import { FatalError, RetryAfter } from "../errors.ts";
import type { NexusEvent } from "../events/event.ts";
import type { Sink } from "../sinks/sink.ts";
import { someRuns } from "./sink/events.ts";
import { Trial } from "./sink/trial.ts";

/** How a target behaves: it takes what comes, nobody answers, it refuses for good, it asks for time, or it takes a delivery and never answers. */
export type TargetState = "up" | "away" | "refusing" | "busy" | "hanging";

/** Where a sink delivers: a real server, mailbox or table, that can be made to behave badly. Disposing clears it away. */
export interface SinkPlace extends AsyncDisposable {
  /** A sink that delivers here, as each start of a process makes one. */
  sink(): Sink<any>;
  /** What has arrived, oldest first: each as what a receiver can know it by, the same for a repeat. One that drops repeats shows it once. */
  arrived(): Promise<readonly string[]>;
  /** Behaves so from now on. A place starts "up". */
  become(state: TargetState): Promise<void>;
  /** Resolves when a delivery waits at a target that is "hanging". */
  reached(): Promise<void>;
  /** Resolves when no connection to the target is open. */
  forsaken(): Promise<void>;
  /** What no error may show. */
  readonly secrets: readonly string[];
}

export interface SinkSuite {
  /** Makes a place of its own, and empty, for each case. */
  readonly place: () => Promise<SinkPlace>;
  /** What a target of this kind cannot do; the cases that need it are left out. Default: nothing. */
  readonly lacks?: readonly TargetState[];
  /** At least three different events that the sink takes, in log order. Default: those of a run's start, with data of every kind. */
  readonly events?: () => Promise<readonly NexusEvent[]>;
}

export interface SinkCase {
  /** A sentence of the contract, with its clause: "[sink.5] …". */
  readonly title: string;
  /** Rejects if the sink does not keep it. */
  readonly run: () => Promise<void>;
}

/**
 * What every sink promises, as cases for any test runner:
 * `for (const { title, run } of sinkConformance({ place })) test(title, run);`
 */
export function sinkConformance({ place, lacks = [], events = someRuns }: SinkSuite): readonly SinkCase[] {
  return CASES.filter(({ needs }) => needs === undefined || !lacks.includes(needs)).map(({ title, body }) => ({
    title,
    run: async () => {
      await using trial = new Trial(await place(), await events(), lacks);
      await body(trial);
    },
  }));
}

const CASES: readonly { readonly title: string; readonly needs?: TargetState; readonly body: (trial: Trial) => Promise<void> }[] = [
  {
    title: "[sink.5] a call that resolves has delivered its event, once; one after another arrive in order",
    body: async (trial) => {
      for (const event of trial.events) await trial.deliver(event);
      const arrived = await trial.place.arrived();
      trial.claim(arrived.length === trial.events.length, `${trial.events.length} delivered, ${arrived.length} arrived`);
      trial.claim(new Set(arrived).size === arrived.length, "two events arrived as the same");
    },
  },
  {
    title: "[sink.5] a repeat can be known as one",
    body: async (trial) => {
      await trial.deliver(trial.first, { attempt: 1 });
      await trial.deliver(trial.first, { attempt: 2 });
      const arrived = new Set(await trial.place.arrived());
      trial.claim(arrived.size === 1, `a repeat arrived as another: ${[...arrived].join(", ")}`);
    },
  },
  {
    title: "[sink.5] while the target is away a delivery is rejected, to be tried again; when it is back it arrives",
    needs: "away",
    body: async (trial) => {
      await trial.place.become("away");
      const error = await trial.refusal(trial.first);
      trial.claim(!(error instanceof FatalError), `it is final: ${error.message}`);
      trial.claim((await whenUp(trial)).length === 0, "what was rejected has arrived");
      await trial.deliver(trial.first, { attempt: 2 });
      trial.claim((await trial.place.arrived()).length === 1, "what was delivered has not arrived once");
    },
  },
  {
    title: "[sink.5] what the target refuses for good is rejected with FatalError, and the next is delivered",
    needs: "refusing",
    body: async (trial) => {
      await trial.place.become("refusing");
      const error = await trial.refusal(trial.first);
      trial.claim(error instanceof FatalError, `it is not final: ${error.name} ${error.message}`);
      trial.claim((await whenUp(trial)).length === 0, "what was rejected has arrived");
      await trial.deliver(trial.second);
    },
  },
  {
    title: "[sink.5] a target that says when to come back is told by RetryAfter",
    needs: "busy",
    body: async (trial) => {
      await trial.place.become("busy");
      const error = await trial.refusal(trial.first);
      trial.claim(error instanceof RetryAfter, `it is not RetryAfter: ${error.name} ${error.message}`);
      trial.claim((error as RetryAfter).ms > 0, "it says no time");
    },
  },
  {
    title: "[sink.5] an abort ends a delivery under way, with the signal's reason",
    needs: "hanging",
    body: async (trial) => {
      await trial.place.become("hanging");
      const abort = new AbortController();
      const refused = trial.refusal(trial.first, { signal: abort.signal });
      await trial.place.reached();
      abort.abort(new Error("stop"));
      const error = await trial.soon(refused);
      trial.claim(error === abort.signal.reason, `it was rejected with ${error.name} ${error.message}`);
    },
  },
  {
    title: "[sink.5] a delivery that was aborted before it began sends nothing",
    body: async (trial) => {
      const reason = new Error("stop");
      const error = await trial.refusal(trial.first, { signal: AbortSignal.abort(reason) });
      trial.claim(error === reason, `it was rejected with ${error.name} ${error.message}`);
      trial.claim((await trial.place.arrived()).length === 0, "it has arrived");
    },
  },
  {
    title: "[sink.5] no error shows a secret",
    body: async (trial) => {
      for (const state of ["away", "refusing", "busy"] as const) {
        if (trial.lacks(state)) continue;
        await trial.place.become(state);
        const error = await trial.refusal(trial.first);
        const text = `${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
        trial.claim(!trial.place.secrets.some((secret) => text.includes(secret)), `the error of a target that is ${state} shows one`);
        await trial.place.become("up");
      }
    },
  },
  {
    title: "[sink.5] close() lets go of every connection, twice as once, and also when nothing was delivered",
    body: async (trial) => {
      await trial.place.sink().close?.();
      await trial.deliver(trial.first);
      await trial.close();
      await trial.close();
      await trial.soon(trial.place.forsaken());
    },
  },
];

/** What has arrived by the time the target takes deliveries again. */
async function whenUp(trial: Trial): Promise<readonly string[]> {
  await trial.place.become("up");
  return await trial.place.arrived();
}
