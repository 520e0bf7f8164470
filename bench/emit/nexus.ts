import { defineEvent, Nexus, sqliteStore } from "nexus-event-system";
import { z } from "zod";
import { benchData, TYPE } from "../event.ts";
import { load } from "../load.ts";
import { job, tell } from "../parent.ts";
import { checkFile } from "../sqlite.ts";
import { attributesOf } from "./attributes.ts";
import type { EmitJob } from "./part.ts";

const { file, ms } = job<EmitJob>();
const measured = defineEvent(TYPE, { schema: z.object({ n: z.number(), t: z.number(), customer: z.string(), text: z.string() }) });
const app = new Nexus({ name: "bench", events: [measured], store: sqliteStore(file) });
let handled = 0;
app.onEvent(measured, () => void (handled += 1));
await app.open();
let n = 0;
const emit = (): Promise<unknown> => app.emitEvent(measured, benchData(++n), attributesOf(n));
await load(512, ms / 3, emit);
const busy = await load(512, ms, emit);
const one = await load(1, ms / 2, emit);
await app.settled();
await app.stop();
if (handled !== n) throw new Error(`the handler saw ${handled} of ${n} events`);
// The first event says which types there are.
checkFile(file, n + 1);
tell({ kind: "sample", perSecond: busy.perSecond, cpu: busy.cpu, busyP50: busy.p50, busyP99: busy.p99, oneP50: one.p50, oneP99: one.p99 });
