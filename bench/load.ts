import { percentile } from "./numbers.ts";

export interface Load {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of this process, for one call: microseconds. Unlike the others it hardly depends on who else uses the machine. */
  readonly cpu: number;
}

/**
 * Keeps so many calls in flight for a while.
 *
 * @returns calls that were answered in a second, and how long one took, in milliseconds; and what it cost.
 */
export async function load(inFlight: number, ms: number, call: () => Promise<unknown>): Promise<Load> {
  const took: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  const until = start + ms;
  const caller = async (): Promise<void> => {
    for (let from = performance.now(); from < until; ) {
      await call();
      const now = performance.now();
      took.push(now - from);
      from = now;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return summary(took, performance.now() - start, process.cpuUsage(cpu));
}

/** The same for work that does not wait, one call after the other. */
export function loadNow(ms: number, call: () => void): Load {
  const took: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let from = start; from < start + ms; ) {
    call();
    const now = performance.now();
    took.push(now - from);
    from = now;
  }
  return summary(took, performance.now() - start, process.cpuUsage(cpu));
}

function summary(took: readonly number[], ms: number, { user, system }: NodeJS.CpuUsage): Load {
  return { perSecond: took.length / (ms / 1000), p50: percentile(took, 50), p99: percentile(took, 99), cpu: (user + system) / took.length };
}
