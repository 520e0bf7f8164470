import fc from "fast-check";
import { test } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** How many inputs were tried. */
    inputs?: number;
  }
}

/** How many times as many inputs as usual are tried: `FUZZ_RUNS`. */
const TIMES = Number(process.env["FUZZ_RUNS"] || 1);
/** The usual inputs are always the same ones; of more, each run has others. `FUZZ_SEED` repeats one. */
const SEED = Number(process.env["FUZZ_SEED"] || (TIMES === 1 ? 20_261_125 : Date.now() % 2 ** 31));

/**
 * A test that holds for whatever is sent. What makes it fail is shown as small as it can be made, with the seed.
 *
 * @param runs how many inputs are tried; `FUZZ_RUNS` multiplies it.
 * @param inputs where they come from.
 * @param holds throws when the sentence does not hold for one.
 * @param found what it once did not hold for: tried first, each time.
 */
export function fuzz<Inputs extends [unknown, ...unknown[]]>(
  title: string,
  runs: number,
  inputs: { readonly [K in keyof Inputs]: fc.Arbitrary<Inputs[K]> },
  holds: (...input: Inputs) => unknown,
  found: readonly NoInfer<Inputs>[] = [],
): void {
  test(title, { timeout: 60_000 * TIMES }, async ({ task }) => {
    let tried = 0;
    const property = fc.asyncProperty<Inputs>(...(inputs as never), async (...input) => {
      tried++;
      await holds(...input);
    });
    // Each test has a row of its own: with one for all, equal parts of them would be equal.
    const seed = (SEED ^ hash(title)) | 0;
    try {
      await fc.assert(property, { numRuns: found.length + runs * TIMES, seed, examples: [...found] as never });
    } finally {
      task.meta.inputs = tried;
    }
  });
}

/** @see Fowler, Noll, Vo: FNV-1a, 32 bits */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value;
}
