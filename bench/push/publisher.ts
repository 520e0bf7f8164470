import { setImmediate, setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type BenchData, benchData } from "../event.ts";
import { hear, micros, tell } from "../parent.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/**
 * Emits when it is told to: the same for every contestant, who only says how one event is emitted.
 *
 * It is never more than `ahead` events ahead of the slowest reader: otherwise a server that only queues would look fast.
 */
export function publisher(emit: (data: BenchData) => unknown, port: number): void {
  let emitted = 0;
  let taken = 0;
  let cpuBefore = process.cpuUsage();
  const failed = (error: unknown): never => {
    console.error(error);
    process.exit(1);
  };
  const send = (t = 0): void => void Promise.resolve(emit(benchData(++emitted, t))).catch(failed);

  async function publish(ms: number, ahead: number): Promise<void> {
    const [from, before] = [micros(), emitted];
    cpuBefore = process.cpuUsage();
    for (const until = performance.now() + ms; performance.now() < until; ) {
      if (emitted - taken < ahead) {
        while (emitted - taken < ahead) send();
        await setImmediate();
      } else await setTimeout(1);
    }
    tell({ kind: "published", from, events: emitted - before, total: emitted });
  }

  /** As many a second as are due, unless the reader is too far behind. */
  async function pace(ms: number, perSecond: number, ahead: number): Promise<void> {
    const [from, before, start] = [micros(), emitted, performance.now()];
    cpuBefore = process.cpuUsage();
    for (let passed = 0; passed < ms; passed = performance.now() - start) {
      for (const due = before + (passed * perSecond) / 1000; emitted < due && emitted - taken < ahead; ) send();
      await setTimeout(1);
    }
    tell({ kind: "published", from, events: emitted - before, total: emitted });
  }

  hear("taken", ({ events }) => (taken = Number(events)));
  hear("publish", ({ ms, ahead }) => void publish(Number(ms), Number(ahead)).catch(failed));
  hear("pace", ({ ms, perSecond, ahead }) => void pace(Number(ms), Number(perSecond), Number(ahead)).catch(failed));
  hear("memory", () => {
    collectGarbage();
    const { rss, heapUsed, external } = process.memoryUsage();
    tell({ kind: "memory", rss, heap: heapUsed + external });
  });
  hear("spent", () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    tell({ kind: "spent", micros: user + system });
  });
  hear("one", () => send(micros()));
  tell({ kind: "listening", port });
}
