import { readdirSync, readFileSync } from "node:fs";
import type { Gauged } from "./fixtures/gauge.ts";
import type { Server } from "./server.ts";

/** What a server takes, seen from inside and outside. */
export interface Taken extends Gauged {
  readonly descriptors: number;
}

/** Asks a server whose app answers (`fixtures/gauge.ts`) what it takes. */
export async function gauge({ child }: Server): Promise<Taken> {
  const number = child.messages.length;
  const answer = (): Gauged | undefined => (child.messages as readonly Gauged[]).find((message) => message.gauge === number);
  child.tell({ gauge: number });
  await child.until(() => answer() !== undefined, "it said what it takes");
  return { ...(answer() as Gauged), descriptors: readdirSync(`/proc/${child.pid}/fd`).length };
}

/** How many files a process here may have open. */
export function mostDescriptors(): number {
  const line = /^Max open files +(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"));
  return line?.[1] === undefined || line[1] === "unlimited" ? Number.POSITIVE_INFINITY : Number(line[1]);
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
}
