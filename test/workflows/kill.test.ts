import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "nexus-test-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** One life of a process. @param killAt the line at which it is killed. @returns what it printed. */
async function life(kind: "deadly" | "sudden" | "sleeper", killAt?: string): Promise<readonly string[]> {
  const fixture = fileURLToPath(new URL("fixtures/crasher.ts", import.meta.url));
  const child = spawn(process.execPath, [fixture, join(directory, "nexus.db"), kind], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "exit");
  const lines: string[] = [];
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line === killAt) child.kill("SIGKILL");
    }
    await gone;
  } finally {
    child.kill("SIGKILL");
  }
  return lines;
}

test("[run.2] a step that kills its process every time fails its run after three deaths, and the step before it ran once", async () => {
  const lives: (readonly string[])[] = [];
  for (let n = 0; n < 4; n++) lives.push((await life("deadly")).filter((line) => !line.startsWith("started")));
  expect(lives).toEqual([["safe runs", "deadly runs"], ["deadly runs"], ["deadly runs"], ["failed STEP_INTERRUPTED"]]);
});

test("[run.2] a step that kills its process before anything is durable is counted from the first take-up on", async () => {
  const lives: (readonly string[])[] = [];
  for (let n = 0; n < 5; n++) lives.push((await life("sudden")).filter((line) => !line.startsWith("started")));
  expect(lives).toEqual([["sudden runs"], ["sudden runs"], ["sudden runs"], ["sudden runs"], ["failed STEP_INTERRUPTED"]]);
});

test("[step.3] a run that sleeps when its process is killed goes on in the next, without having been executed at opening", async () => {
  expect(await life("sleeper", "started sleep#1")).toContain("pass 1");
  expect(await life("sleeper")).toEqual(["pass 2", "completed rested"]);
});
