import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("large events that are no longer among the newest are let go", { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-test-"));
  try {
    const fixture = join(import.meta.dirname, "fixtures/heap.ts");
    const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", fixture, join(folder, "nexus.db")]);
    // 120 MB were emitted; the newest 8 MiB are kept, twice: the event and its JSON.
    expect(Number(stdout)).toBeLessThan(100);
    expect(Number(stdout)).toBeGreaterThan(5);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
