import { createHash } from "node:crypto";

/** Chance that can be repeated: the same seed and name give the same numbers. */
export interface Chance {
  /** In [0, 1). */
  readonly fraction: () => number;
  /** A whole number from 1 to the given one. */
  readonly upTo: (most: number) => number;
  readonly oneOf: <T>(values: readonly T[]) => T;
}

/** The seed of this run: `FAULTS_SEED`, or one that was drawn for it. */
export const SEED: string = process.env["FAULTS_SEED"] ?? "0";
/** How many times as long as usual the storms are: `FAULTS_TIMES`. */
export const TIMES: number = Number(process.env["FAULTS_TIMES"] ?? 1);

/** @param name of what it decides: each thing has its own row of numbers, whatever the others draw. */
export function chance(name: string): Chance {
  const digest = createHash("sha256").update(`${SEED}/${name}`).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as [number, number, number, number];
  // "sfc32", a small fast counter: Doty-Humphrey, PractRand.
  const next = (): number => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  const fraction = (): number => next() / 2 ** 32;
  return {
    fraction,
    upTo: (most) => 1 + Math.floor(fraction() * most),
    oneOf: (values) => values[Math.floor(fraction() * values.length)] as never,
  };
}
