import { load } from "../load.ts";
import { tell } from "../parent.ts";

/** The runs of this part, for whoever only says how one is executed: its result is its number of steps. */
export async function measureRuns(ms: number, execute: (steps: number) => Promise<unknown>): Promise<void> {
  const run = (steps: number) => async (): Promise<void> => {
    const result = await execute(steps);
    if (result !== steps) throw new Error(`a run of ${steps} steps ended with ${String(result)}`);
  };
  await load(32, ms / 3, run(1));
  const one = await load(1, ms / 2, run(1));
  const ten = await load(1, ms / 2, run(10));
  const manyOne = await load(32, ms / 2, run(1));
  const manyTen = await load(32, ms / 2, run(10));
  tell({
    kind: "sample",
    oneStepP50: one.p50,
    oneStepP99: one.p99,
    tenStepP50: ten.p50,
    tenStepP99: ten.p99,
    oneStepPerSecond: manyOne.perSecond,
    tenStepPerSecond: manyTen.perSecond,
  });
}
