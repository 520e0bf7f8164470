import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** One life of a process. @param killAfter so many lines; without, it ends by itself. @returns what it printed. */
async function life(file: string, concurrency: number, killAfter?: number): Promise<readonly string[]> {
  const fixture = fileURLToPath(new URL("fixtures/deliverer.ts", import.meta.url));
  const args = [fixture, file, String(concurrency), ...(killAfter === undefined ? ["last"] : [])];
  // The sources are stripped of their types once, not in each life.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "nexus-cli-cache") };
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env });
  const gone = once(child, "exit");
  const lines: string[] = [];
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (lines.length === killAfter) child.kill("SIGKILL");
    }
    await gone;
  } finally {
    child.kill("SIGKILL");
  }
  return lines;
}

test.each([
  [1, 8],
  [4, 4],
])(
  "[consumer.1] kill -9 between delivery and cursor, with concurrency %i, %i times: everything is delivered, nothing is skipped",
  async (concurrency, lives) => {
    const directory = await mkdtemp(join(tmpdir(), "nexus-test-"));
    try {
      const file = join(directory, "nexus.db");
      const lines: string[] = [];
      for (let n = 0; n < lives; n++) lines.push(...(await life(file, concurrency, Math.ceil(Math.random() * 150))));
      lines.push(...(await life(file, concurrency)));
      const total = Number(/^end (\d+)$/.exec(lines.at(-1) ?? "")?.[1]);
      // The last line of a life may be cut short.
      const tries = lines.flatMap((line) => {
        const [, n, attempt] = /^d (\d+) (\d+)$/.exec(line) ?? [];
        return n === undefined ? [] : [{ n: Number(n), attempt: Number(attempt) }];
      });
      const all = Array.from({ length: total }, (_, n) => n);
      const first = [...new Set(tries.map(({ n }) => n))];
      expect(concurrency === 1 ? first : first.toSorted((a, b) => a - b)).toEqual(all);
      const delivered = new Set(tries.filter(({ n, attempt }) => n % 10 !== 3 || attempt === 3).map(({ n }) => n));
      expect([...delivered].toSorted((a, b) => a - b)).toEqual(all);
      expect(total).toBeGreaterThan(lives);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
  120_000,
);
