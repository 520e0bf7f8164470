import { Nexus, sqliteStore } from "nexus-event-system";
import { benchData, TYPE } from "../event.ts";
import { load } from "../load.ts";
import { job, tell } from "../parent.ts";
import { checkFile } from "../sqlite.ts";

const { file, ms } = job<{ readonly file: string; readonly ms: number }>();
const app = new Nexus({ name: "bench", store: sqliteStore(file) });
await app.open();
let n = 0;
const emit = (): Promise<unknown> => app.emitEvent(TYPE, benchData(++n));
await load(512, ms / 3, emit);
const busy = await load(512, ms, emit);
const one = await load(1, ms / 2, emit);
await app.stop();
checkFile(file, n);
tell({ kind: "sample", perSecond: busy.perSecond, cpu: busy.cpu, busyP50: busy.p50, busyP99: busy.p99, oneP50: one.p50, oneP99: one.p99 });
