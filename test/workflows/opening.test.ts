import fc from "fast-check";
import { defineWorkflow, type OpenStore } from "nexus-event-system";
import { expect, test } from "vitest";
import { heldStore } from "./held-store.ts";
import { ended, scene } from "./scene.ts";

test("[run.10] opening takes up unfinished runs without reading the log from its beginning", async () => {
  const reads: { readonly after: number; readonly byRun: boolean }[] = [];
  const held = heldStore((opened) => ({
    ...opened,
    log: {
      ...opened.log,
      read: async (query) => {
        reads.push({ after: query.after, byRun: query.filter?.key.includes("runId") === true });
        return await opened.log.read(query);
      },
    },
  }));
  await using place = scene(() => held.store);
  const begun = Promise.withResolvers<void>();
  let blocked = true;
  const workflow = defineWorkflow("w", async () => {
    begun.resolve();
    if (blocked) await new Promise(() => {});
    return "went on";
  });
  const before = await place.start({ workflows: [workflow] });
  const { runId } = await before.startRun(workflow);
  await begun.promise;
  for (let n = 0; n < 2_000; n++) await before.emitEvent("filler", { n });
  await before.stop({ deadlineMs: 0 });
  blocked = false;
  reads.length = 0;
  const app = await place.start({ workflows: [workflow] });
  const opening = [...reads];
  expect((await ended(app, runId)).data.result).toBe("went on");
  expect(opening.filter(({ after, byRun }) => after < 2_000 && !byRun)).toEqual([]);
});

test("[run.10] a short run never touches State", async () => {
  const keys: string[] = [];
  const held = heldStore((opened) => ({ ...opened, state: watched(opened.state, (key) => keys.push(key)) }));
  await using place = scene(() => held.store);
  const workflow = defineWorkflow("w", (_inputs, ctx) => ctx.step("a", () => 1));
  const app = await place.start({ workflows: [workflow] });
  for (let n = 0; n < 5; n++) await app.execute(workflow);
  await app.stop();
  expect(keys.filter((key) => key !== "open-cursor")).toEqual([]);
});

test("[run.10] keys of unfinished runs are written before the cursor, and go when the runs have ended", async () => {
  const keys: string[] = [];
  const held = heldStore((opened) => ({ ...opened, state: watched(opened.state, (key, how) => keys.push(`${how} ${key}`)) }));
  await using place = scene(() => held.store);
  let blocked = true;
  const workflow = defineWorkflow("w", () => (blocked ? new Promise<void>(() => {}) : undefined));
  const before = await place.start({ workflows: [workflow] });
  const { runId } = await before.startRun(workflow);
  await before.stop({ deadlineMs: 0 });
  blocked = false;
  const app = await place.start({ workflows: [workflow] });
  await ended(app, runId);
  await app.stop();
  expect(keys).toEqual([`put open/${runId}`, "put open-cursor", `delete open/${runId}`, "put open-cursor"]);
});

test("[run.10] wherever the writes of State stop, the next openings take up exactly the runs that have not ended", async () => {
  await fc.assert(
    fc.asyncProperty(
      // For each life of the app: how many runs begin, how many of all that are open end, and how many writes of State get through.
      fc.array(fc.record({ begin: fc.nat(3), end: fc.nat(3), writes: fc.nat(6) }), { minLength: 1, maxLength: 5 }),
      async (lives) => {
        let writesLeft = 0;
        const held = heldStore((opened) => ({
          ...opened,
          state: watched(opened.state, () => {
            if (writesLeft-- <= 0) throw new Error("the process is dead");
          }),
        }));
        await using place = scene(() => held.store);
        const gates = new Map<string, () => void>();
        const open = new Set<string>();
        const workflow = defineWorkflow("w", (_inputs, ctx) => new Promise<void>((resolve) => gates.set(ctx.runId, resolve)));
        for (const { begin, end, writes } of lives) {
          gates.clear();
          const app = await place.start({ workflows: [workflow] });
          const taken = await Promise.all([...open].map((runId) => runningAgain(gates, runId)));
          expect(taken).toEqual([...open]);
          for (let n = 0; n < begin; n++) open.add((await app.startRun(workflow)).runId);
          for (const runId of [...open].slice(0, end)) {
            await runningAgain(gates, runId);
            gates.get(runId)?.();
            await ended(app, runId);
            open.delete(runId);
          }
          writesLeft = writes;
          await app.stop({ deadlineMs: 0 });
        }
        writesLeft = 100;
        gates.clear();
        const app = await place.start({ workflows: [workflow] });
        await Promise.all([...open].map((runId) => runningAgain(gates, runId)));
        const { runs } = await app.runs.list({ status: "running" });
        expect(runs.map(({ runId }) => runId).sort()).toEqual([...open].sort());
        expect([...gates.keys()].sort()).toEqual([...open].sort());
      },
    ),
    { numRuns: 40 },
  );
});

async function runningAgain(gates: ReadonlyMap<string, unknown>, runId: string): Promise<string> {
  await expect.poll(() => gates.has(runId), { interval: 1, timeout: 10_000 }).toBe(true);
  return runId;
}

/** The state, whose writes for runs are told of before they are made. */
function watched(state: OpenStore["state"], told: (key: string, how: "put" | "delete") => void): OpenStore["state"] {
  return {
    ...state,
    put: async (key, value, options) => {
      if (!key.startsWith("sessions")) told(key, "put");
      return await state.put(key, value, options);
    },
    delete: async (key, options) => {
      told(key, "delete");
      await state.delete(key, options);
    },
  };
}
