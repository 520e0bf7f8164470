import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

/** A place for the database of one round, gone with the round. */
export async function fileIn(folder: string): Promise<{ readonly path: string } & AsyncDisposable> {
  const own = await mkdtemp(join(folder, "round-"));
  return { path: join(own, "bench.db"), [Symbol.asyncDispose]: () => rm(own, { recursive: true, force: true }) };
}
