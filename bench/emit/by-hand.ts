import { loadNow } from "../load.ts";
import { job, tell } from "../parent.ts";
import { checkFile, Table } from "../sqlite.ts";
import { peerMessage } from "./attributes.ts";
import type { EmitJob } from "./part.ts";

const ROWS = 256;

const { file, ms } = job<EmitJob>();
let n = 0;
const body = (): object => peerMessage(++n);
const table = new Table(file);
const commit = (rows: number) => () => table.commit(rows, body);
loadNow(ms / 3, commit(ROWS));
const busy = loadNow(ms, commit(ROWS));
const one = loadNow(ms / 2, commit(1));
table[Symbol.dispose]();
checkFile(file, n);
const { perSecond, cpu, p50, p99 } = busy;
tell({ kind: "sample", perSecond: perSecond * ROWS, cpu: cpu / ROWS, busyP50: p50, busyP99: p99, oneP50: one.p50, oneP99: one.p99 });
