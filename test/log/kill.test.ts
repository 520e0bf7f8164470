import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Filter, parseFilter } from "../../src/events/filter.ts";
import { sqliteStore, tunedSqliteStore } from "../../src/stores/sqlite/store.ts";
import { DEFAULTS } from "../../src/stores/sqlite/tuning.ts";
import { verify } from "../../src/stores/sqlite/verify.ts";
import { startChild } from "./child.ts";
import { temporaryDirectory } from "./places.ts";
import { readAll } from "./read-all.ts";

const ROUNDS = 24;
const WRITERS = 32;

test("[log.9] kill -9 at any moment: every acknowledged event is there, the sequence is gapless, and the index says what the log says", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "nexus.db");
  const events = new Map<number, string>();
  const values = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    // Some die while they start and open the file, the first of them while it is made.
    const apartFrom = round % 2 === 0 ? 1 : Number.POSITIVE_INFINITY;
    await appendUntilKilled(file, apartFrom, round % 6 === 0 ? 0 : Math.ceil(Math.random() * 800), events, values);
    if (round > 0) expect(verify(file)).toMatchObject({ faults: [], moreFaults: 0 });
    await using store = tunedSqliteStore(file, "normal", { ...DEFAULTS, indexEvery: 100, indexKeys: 5 });
    const { log, state } = await store.open({ now: Date.now });
    const all = await readAll(log);
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, i) => i + 1));
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect([...events].filter(([sequence, id]) => all[sequence - 1]?.id !== id)).toEqual([]);
    for (const [key, value] of values) expect((await state.get(key))?.value).toBeGreaterThanOrEqual(value);
    for (const filter of FILTERS)
      expect((await readAll(log, filter)).map(({ sequence }) => sequence)).toEqual(
        all.filter((event) => filter.matches(event)).map(({ sequence }) => sequence),
      );
  }
  expect(events.size).toBeGreaterThan(ROUNDS * 50);
}, 60_000);

test("[log.11] a second process gets STORE_LOCKED with the holder's pid and host, and opens the file once the holder was killed", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "nexus.db");
  await using holder = startChild("holder.ts", file);
  for await (const line of holder.lines) if (line === "open") break;
  await using store = sqliteStore(file);
  await expect(store.open({ now: Date.now })).rejects.toMatchObject({
    code: "STORE_LOCKED",
    details: { pid: holder.pid, host: hostname() },
  });
  holder.kill();
  await holder.ended();
  const { log } = await store.open({ now: Date.now });
  expect((await readAll(log)).map(({ id }) => id)).toEqual(["held"]);
});

const FILTERS: readonly Filter[] = [
  { type: "step.completed" },
  { type: "THING_1" },
  { type: "step.*", channel: "api" },
  { runId: ["r1", "r20"] },
  { runId: "r7", channel: "cli" },
  { sessionId: "s3" },
  { broadcast: "only" },
  { broadcast: "include", runId: "r10" },
].map((fields) => parseFilter(fields));

/** @param apartFrom of the store's measures. @param acknowledged kills it after so many lines; 0: at once. */
async function appendUntilKilled(
  file: string,
  apartFrom: number,
  acknowledged: number,
  events: Map<number, string>,
  values: Map<string, number>,
): Promise<void> {
  await using child = startChild("appender.ts", file, String(WRITERS), String(apartFrom));
  if (acknowledged === 0) {
    // A moment of its start-up, somewhere before or after the file is opened.
    setTimeout(() => child.kill(), Math.random() * 400);
  }
  let lines = 0;
  for await (const line of child.lines) {
    const [kind, name = "", value, end] = line.split(" ");
    // The last one may be cut short.
    if (kind !== "open" && end !== ".") continue;
    if (kind === "e") events.set(Number(value), name);
    if (kind === "s") values.set(name, Number(value));
    if (++lines === acknowledged) child.kill();
  }
}
