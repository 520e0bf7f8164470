import { benchData, benchMessage } from "../event.ts";
import { type Load, loadNow } from "../load.ts";
import { job, tell } from "../parent.ts";
import { Table } from "../sqlite.ts";

const { file, ms } = job<{ readonly file: string; readonly ms: number }>();
const table = new Table(file);
let n = 0;
const commit = (rows: number): void => table.commit(rows, () => benchMessage(benchData(++n)));

/** The events of so many runs side by side: started, then for each step its start and its end, then completed. */
const run = (runs: number, steps: number) => (): void => {
  commit(runs);
  for (let step = 0; step < steps; step++) commit(2 * runs);
  commit(runs);
};
const perSecond = ({ perSecond: rounds }: Load): number => rounds * 32;

loadNow(ms / 3, run(32, 1));
const one = loadNow(ms / 2, run(1, 1));
const ten = loadNow(ms / 2, run(1, 10));
const manyOne = loadNow(ms / 2, run(32, 1));
const manyTen = loadNow(ms / 2, run(32, 10));
table[Symbol.dispose]();
tell({
  kind: "sample",
  oneStepP50: one.p50,
  oneStepP99: one.p99,
  tenStepP50: ten.p50,
  tenStepP99: ten.p99,
  oneStepPerSecond: perSecond(manyOne),
  tenStepPerSecond: perSecond(manyTen),
});
