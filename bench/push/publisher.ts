import { setImmediate, setTimeout } from "node:timers/promises";
import { type BenchData, benchData } from "../event.ts";
import { hear, micros, tell } from "../parent.ts";

/** Nobody emits further ahead of the slowest reader than this: a server that only queues would look fast. */
const AHEAD = 512;

/** Emits when it is told to: the same for every contestant, who only says how one event is emitted. */
export function publisher(emit: (data: BenchData) => unknown, port: number): void {
  let emitted = 0;
  let taken = 0;
  const failed = (error: unknown): never => {
    console.error(error);
    process.exit(1);
  };
  const send = (t = 0): void => void Promise.resolve(emit(benchData(++emitted, t))).catch(failed);

  async function publish(ms: number): Promise<void> {
    const [from, before, cpuBefore] = [micros(), emitted, process.cpuUsage()];
    hear("spent", () => {
      const { user, system } = process.cpuUsage(cpuBefore);
      tell({ kind: "spent", micros: user + system });
    });
    for (const until = performance.now() + ms; performance.now() < until; ) {
      if (emitted - taken < AHEAD) {
        while (emitted - taken < AHEAD) send();
        await setImmediate();
      } else await setTimeout(1);
    }
    tell({ kind: "published", from, events: emitted - before, total: emitted });
  }

  hear("taken", ({ events }) => (taken = Number(events)));
  hear("publish", ({ ms }) => void publish(Number(ms)).catch(failed));
  hear("one", () => send(micros()));
  tell({ kind: "listening", port });
}
