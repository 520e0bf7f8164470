import { type BenchData, benchData } from "../event.ts";
import { hear, micros, tell } from "../parent.ts";

/** Emits an event when it is told to, and tells what it has used: the same for both. */
export function agentsServer(emit: (data: BenchData) => unknown, port: number): void {
  let emitted = 0;
  hear("one", () => {
    Promise.resolve(emit(benchData(++emitted, micros()))).catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  });
  hear("spent", () => {
    const { user, system } = process.cpuUsage();
    tell({ kind: "spent", micros: user + system });
  });
  tell({ kind: "listening", port });
}
