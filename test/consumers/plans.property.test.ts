import fc from "fast-check";
import { type Consumer, FatalError, type Nexus, type NexusEvent } from "nexus-event-system";
import { expect, test } from "vitest";
import { memoryScene } from "../workflows/scene.ts";
import { when } from "./when.ts";

type Step = { readonly emit: readonly number[] } | "crash" | "stop" | "pause" | "resume" | "turn";

/** How many tries of an event fail before one does not; -1: none does. */
const failures = fc.constantFrom(0, 0, 0, 0, 1, 2, 3, -1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ emit: fc.array(failures, { minLength: 1, maxLength: 8 }) }) },
  { weight: 3, arbitrary: fc.constantFrom("crash" as const, "stop" as const, "pause" as const, "resume" as const, "turn" as const) },
);

test("[consumer.1] [consumer.2] whatever fails, crashes, stops and pauses: each event is delivered or dead, and first tries are in log order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.constantFrom(1, 3), async (plan, concurrency) => {
      await using place = memoryScene();
      const tries = new Map<number, number>();
      const delivered = new Set<number>();
      const open: { consumer?: Consumer } = {};
      const deliver = async ({ data }: NexusEvent<string, any>): Promise<void> => {
        const tried = (tries.get(data.n) ?? 0) + 1;
        tries.set(data.n, tried);
        if (tried % 2 === 0) await Promise.resolve();
        if (data.fails === -1) throw new FatalError("never");
        if (tried <= data.fails) throw new Error("not yet");
        delivered.add(data.n);
      };
      const name = (app: Nexus): void => {
        open.consumer = app.consumer(
          "c",
          { type: "n", from: "earliest", concurrency, retry: { attempts: 3, baseMs: 0 } },
          deliver as never,
        );
      };
      let app = await place.start({}, name);
      let emitted = 0;
      for (const action of plan) {
        if (typeof action === "object") await Promise.all(action.emit.map((fails) => app.emitEvent("n", { n: emitted++, fails })));
        else if (action === "crash") await place.crash();
        else if (action === "stop") await app.stop();
        else if (action === "turn") await new Promise((resolve) => setImmediate(resolve));
        else await open.consumer?.[action]();
        if (action === "crash" || action === "stop") app = await place.start({}, name);
      }
      await open.consumer?.resume();
      await when(open.consumer as Consumer, ({ lag, retrying }) => lag === 0 && retrying.length === 0);
      const letters = await app.fetch(new Request("http://localhost/dead-letters?limit=1000"));
      const dead = ((await letters.json()) as any).deadLetters.map(({ sequence }: { sequence: number }) => sequence);
      const { events } = await app.getEvents({ type: "n", after: "earliest", limit: 1_000 });
      const through = events.filter(({ data, sequence }: any) => delivered.has(data.n) || dead.includes(sequence));
      expect(through).toHaveLength(emitted);
      if (concurrency === 1) expect([...tries.keys()]).toEqual(events.map(({ data }: any) => data.n));
    }),
    { numRuns: 60 },
  );
}, 60_000);
