import type { Fault } from "../../errors.ts";

/** So many are named; how many more there are is counted. */
const MOST = 100;

export interface FaultSink {
  /** @param path where. @param message what is wrong there. */
  add(path: string, message: string): void;
}

/** What is found wrong in a file. */
export class Faults implements FaultSink {
  readonly named: Fault[] = [];
  /** Those that are not named. */
  more = 0;

  add(path: string, message: string): void {
    if (this.named.length < MOST) this.named.push({ path, message });
    else this.more += 1;
  }

  addAll(faults: readonly Fault[]): void {
    for (const { path, message } of faults) this.add(path, message);
  }
}
