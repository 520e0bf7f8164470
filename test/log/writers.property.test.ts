import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { NewEvent } from "../../src/events/event.ts";
import { parseFilter } from "../../src/events/filter.ts";
import type { Log } from "../../src/log/log.ts";
import type { Tuning } from "../../src/stores/sqlite/tuning.ts";
import { verify } from "../../src/stores/sqlite/verify.ts";
import { openApart } from "./apart.ts";
import { temporaryDirectory } from "./places.ts";
import { readAll } from "./read-all.ts";

/** The thread and this one both write, and the index is written all the time. */
const BOTH: Tuning = { indexEvery: 40, indexKeys: 3, batchCalls: 50, batchBytes: 1_000_000, apartFrom: 8 };

/** None is awaited before the next, but where it says so. */
const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("append" as const), count: fc.integer({ min: 1, max: 30 }), repeats: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("look" as const), count: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("read" as const), user: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("trim" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("turn" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("wait" as const) }) },
);

test("[log.12] whoever writes, this thread or the other, in whatever turns: filters find what a look at each event finds, and the file is sound", async () => {
  const property = fc.asyncProperty(fc.array(anyStep, { minLength: 30, maxLength: 80 }), fc.nat(2), async (steps, openings) => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "x.db");
    let made = 0;
    for (let opening = 0; opening <= openings; opening++) {
      {
        await using store = await openApart(file, BOTH);
        const { log } = store;
        const under: Promise<unknown>[] = [];
        for (const step of steps) {
          if (step.kind === "append") {
            for (let n = 0; n < step.count; n++)
              under.push(log.append(anEvent(step.repeats && n % 3 === 0 ? Math.max(0, made - 5) : made++)));
          } else if (step.kind === "look") for (let n = 0; n < step.count; n++) under.push(log.head());
          else if (step.kind === "read") under.push(log.read({ after: 0, filter: parseFilter({ userId: `u${step.user}` }) }));
          else if (step.kind === "trim") under.push(log.trim(Math.max(0, made - 100)));
          else if (step.kind === "turn") await setImmediate();
          else await Promise.all(under.splice(0));
        }
        await Promise.all(under);
        await sameAsAScan(log);
      }
      expect(verify(file)).toMatchObject({ faults: [], moreFaults: 0 });
    }
  });
  await fc.assert(property, { numRuns: 40 });
}, 120_000);

test("[log.12] what the thread had begun to index, and this one ended, it does not go on with: also when it is given nothing but looks meanwhile", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "x.db");
  {
    await using store = await openApart(file, { ...BOTH, indexKeys: 1, apartFrom: 4 });
    const { log } = store;
    let made = 0;
    const append = (): Promise<unknown> => log.append(anEvent(made++));
    const four = (): Promise<unknown>[] => Array.from({ length: 4 }, append);
    for (let round = 0; round < 6; round++) {
      // The thread begins one; then few come at once, and it is taken over and ended here, and so are some more.
      for (let n = 0; n < 11; n++) await Promise.all(four());
      for (let n = 0; n < 150 + 7 * round; n++) await append();
      for (let n = 0; n < 30; n++) {
        const appended = four();
        await setImmediate();
        await Promise.all([...appended, ...Array.from({ length: 6 }, () => log.head())]);
      }
    }
    await sameAsAScan(log);
  }
  expect(verify(file)).toMatchObject({ faults: [], moreFaults: 0 });
});

async function sameAsAScan(log: Log): Promise<void> {
  const everything = await readAll(log);
  expect(everything.map(({ sequence }) => sequence)).toEqual(everything.map((_, n) => (everything[0]?.sequence ?? 0) + n));
  for (const fields of [{ userId: "u1" }, { type: ["a", "b"] }, { runId: "r7" }, { type: "c", userId: ["u0", "u3"] }]) {
    const filter = parseFilter(fields);
    expect((await readAll(log, filter)).map(({ id }) => id)).toEqual(
      everything.filter((event) => filter.matches(event)).map(({ id }) => id),
    );
  }
}

function anEvent(n: number): NewEvent {
  return {
    id: `e${n}`,
    type: "abc"[n % 3] as string,
    channel: "app",
    source: "test/abc123",
    visibility: "operators",
    userId: `u${n % 5}`,
    runId: `r${n % 50}`,
    data: n,
  };
}
