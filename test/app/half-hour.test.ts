import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

interface Line {
  readonly health: any;
  readonly heapMb: number;
  readonly resources: number;
}

/** The first third and the last, each as its median. */
function thirds(lines: readonly Line[], of: (line: Line) => number): { readonly first: number; readonly last: number } {
  const third = lines.length / 3;
  const median = (some: readonly Line[]): number => some.map(of).toSorted((one, other) => one - other)[some.length >> 1] ?? Number.NaN;
  return { first: median(lines.slice(0, third)), last: median(lines.slice(-third)) };
}

test("half an hour of runs, schedules, sessions that expire, deliveries that fail, and readers that come and go leaves nothing behind", {
  timeout: 240_000,
}, async () => {
  const fixture = join(import.meta.dirname, "fixtures/half-hour.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", fixture], { maxBuffer: 2 ** 26 });
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  expect(lines).toHaveLength(180);
  const { health } = lines.at(-1) as Line;
  // All of it did happen.
  expect(health.log.head).toBeGreaterThan(5_000);
  expect(health.counters.delivery_failures).toBeGreaterThan(300);
  expect(health.counters.events_forgotten).toBeGreaterThan(4_000);

  const sizes: Readonly<Record<string, (line: Line) => number>> = {
    "events kept": (line) => line.health.log.head - line.health.log.floor,
    "runs unfinished": (line) => line.health.runs.unfinished,
    "runs here": (line) => line.health.runs.here,
    "open sessions": (line) => line.health.sessions.open,
    streams: (line) => line.health.streams,
    "the feed's lag": (line) => line.health.log.feedLag,
    "resources of the process": (line) => line.resources,
  };
  for (const [what, of] of Object.entries(sizes)) {
    const { first, last } = thirds(lines, of);
    expect({ what, first, last, level: last <= first * 1.1 + 3 }).toMatchObject({ what, level: true });
  }
  const heap = thirds(lines, ({ heapMb }) => heapMb);
  expect(heap.last).toBeLessThan(heap.first + 8);
});
