import { readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import type { NewEvent } from "../../src/events/event.ts";
import { parseFilter, seenBy } from "../../src/events/filter.ts";
import { sqliteStore, tunedSqliteStore } from "../../src/stores/sqlite/store.ts";
import { DEFAULTS } from "../../src/stores/sqlite/tuning.ts";
import { startConfined } from "./child.ts";
import { temporaryDirectory } from "./places.ts";
import { readPlaces } from "./read-all.ts";

const SETUP = { now: Date.now };

test("[log.11] one file is one lock, by whatever name it is opened", async () => {
  await using directory = await temporaryDirectory();
  await using store = sqliteStore(join(directory.path, "nexus.db"));
  await store.open(SETUP);
  await symlink(join(directory.path, "nexus.db"), join(directory.path, "link.db"));
  for (const name of ["link.db", "made/../nexus.db"]) {
    await expect(sqliteStore(join(directory.path, name)).open(SETUP)).rejects.toMatchObject({
      code: "STORE_LOCKED",
      details: { pid: process.pid },
    });
  }
});

test("[log.12] a file whose index lacks the public events, as an older version wrote it, has them when it is opened", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "nexus.db");
  const tuned = (): ReturnType<typeof sqliteStore> =>
    tunedSqliteStore(file, "full", { ...DEFAULTS, indexEvery: 4, batchCalls: 2, batchBytes: 1024 });
  const filter = seenBy(parseFilter({}), { userId: "ann", sees: ({ visibility }) => visibility === "public" });
  const seen = async (store: ReturnType<typeof sqliteStore>): Promise<string[]> => {
    const { log } = await store.open(SETUP);
    return (await log.read({ after: 0, filter })).events.map(({ id }) => id);
  };
  const visibilities = Array.from({ length: 40 }, (_, n) => (n % 3 === 0 ? "public" : "owner") as "public" | "owner");
  {
    await using store = tuned();
    const { log } = await store.open(SETUP);
    for (const [n, visibility] of visibilities.entries()) await log.append({ ...anEvent(`e${n}`), visibility });
  }
  change(file, "DELETE FROM postings WHERE key = 'p'; PRAGMA user_version = 1");
  const expected = visibilities.flatMap((visibility, n) => (visibility === "public" ? [`e${n}`] : []));
  for (const _opening of ["first", "second"]) {
    await using store = tuned();
    expect(await seen(store)).toEqual(expected);
  }
});

test("[log.10] while the file cannot be written appends are STORE_UNAVAILABLE; afterwards the same ones are recorded once", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "nexus.db");
  await using store = sqliteStore(file);
  const { log, state } = await store.open(SETUP);
  await log.append(anEvent("1"));
  const other = new Database(file);
  other.exec("BEGIN IMMEDIATE");
  const refused = await Promise.allSettled([
    log.append(anEvent("2"), { expect: "1" }),
    log.append(anEvent("3")),
    state.put("k", 1),
    log.trim(1),
  ]);
  expect(refused.map((result) => result.status === "rejected" && (result.reason as { readonly code: string }).code)).toEqual(
    Array.from({ length: 4 }, () => "STORE_UNAVAILABLE"),
  );
  expect((await log.read({ after: 0 })).events.length).toBe(1);
  other.exec("ROLLBACK");
  other.close();
  const taken = await Promise.all([log.append(anEvent("2"), { expect: "1" }), log.append(anEvent("3"))]);
  expect(taken.map(({ sequence, recorded }) => [sequence, recorded])).toEqual([
    [2, true],
    [3, true],
  ]);
  expect(await state.put("k", 1, { revision: 0 })).toBe(1);
});

test("[log.10] a commit that breaks off leaves nothing: no event, no value, no gap", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "nexus.db");
  await using store = sqliteStore(file);
  const { log, state } = await store.open(SETUP);
  await log.append(anEvent("1"), { expect: null });
  change(file, "CREATE TRIGGER broken BEFORE INSERT ON events WHEN new.id = 'broken' BEGIN SELECT RAISE(FAIL, 'broken'); END");
  const all = (): Promise<unknown>[] => [
    log.append(anEvent("2"), { expect: "1" }).then(({ sequence }) => sequence),
    state.put("k", 1, { revision: 0 }),
    log.append(anEvent("broken"), { expect: "2" }).then(({ sequence }) => sequence),
    log.append(anEvent("3"), { expect: "broken" }).then(({ sequence }) => sequence),
  ];
  for (const result of await Promise.allSettled(all()))
    expect(result).toMatchObject({ status: "rejected", reason: { code: "STORE_UNAVAILABLE" } });
  expect([(await log.head()).sequence, await state.get("k")]).toEqual([1, undefined]);
  await expect(log.append(anEvent("other"), { expect: "2" })).rejects.toMatchObject({ code: "STREAM_CONFLICT", details: { last: "1" } });
  change(file, "DROP TRIGGER broken");
  expect(await Promise.all(all())).toEqual([2, 1, 3, 4]);
  expect((await log.read({ after: 0, filter: parseFilter({ runId: "r" }) })).events.map(({ id }) => id)).toEqual(["1", "2", "broken", "3"]);
});

for (const [whose, blocks, ...measures] of [["its", 4000] as const, ["the thread's", 12_000, "1"] as const]) {
  test(`[log.10] on a full disk ${whose} appends are STORE_UNAVAILABLE, the process lives, and what was acknowledged is there when there is room again`, async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, "nexus.db");
    const acknowledged: [string, number][] = [];
    let last: readonly string[] = [];
    await using child = startConfined(blocks, "filler.ts", file, ...measures);
    for await (const line of child.lines) {
      last = line.split(" ");
      if (last[0] === "e") acknowledged.push([String(last[1]), Number(last[2])]);
    }
    await child.ended();
    expect(last).toEqual(["STORE_UNAVAILABLE", String(acknowledged.length), "."]);
    await using store = sqliteStore(file);
    const { log } = await store.open(SETUP);
    expect(acknowledged.length).toBeGreaterThan(8);
    expect(await readPlaces(log)).toEqual(acknowledged);
    expect((await log.append(anEvent("more"))).sequence).toBe(acknowledged.length + 1);
  });
}

test("a log that is trimmed as it grows keeps its size", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "nexus.db");
  await using store = tunedSqliteStore(file, "normal", { ...DEFAULTS, indexEvery: 50, batchCalls: 100, batchBytes: 1_000_000 });
  const sizeAfter = async (rounds: number): Promise<number> => {
    const { log } = await store.open(SETUP);
    for (let round = 0; round < rounds; round++) {
      // Each with a run of its own, as in the index most are.
      await Promise.all(Array.from({ length: 500 }, () => log.append({ ...anEvent(crypto.randomUUID()), runId: crypto.randomUUID() })));
      await log.trim(Number.MAX_SAFE_INTEGER);
    }
    // Into one file.
    await store[Symbol.asyncDispose]();
    return (await stat(file)).size;
  };
  const size = await sizeAfter(3);
  expect(await sizeAfter(12)).toBeLessThan(size * 1.5);
});

test("a file whose making was cut short is made again", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "nexus.db");
  const begun = new Database(file);
  begun.pragma("journal_mode = WAL");
  begun.close();
  await using store = sqliteStore(file);
  const { log } = await store.open(SETUP);
  expect((await log.append(anEvent("1"))).sequence).toBe(1);
});

test("a file that is not ours is refused in words, and left as it is", async () => {
  await using directory = await temporaryDirectory();
  const text = join(directory.path, "notes.txt");
  await writeFile(text, "not a database, but long enough to look at ".repeat(50));
  const other = join(directory.path, "other.db");
  change(other, "CREATE TABLE theirs (a)");
  for (const [file, code, why] of [
    [text, "STORE_DAMAGED", /is no database/],
    [other, "OPTION_INVALID", /another program/],
  ] as const) {
    const before = await readFile(file);
    await expect(sqliteStore(file).open(SETUP)).rejects.toMatchObject({ code, message: why });
    expect(await readFile(file)).toEqual(before);
  }
  await expect(sqliteStore(":memory:").open(SETUP)).rejects.toMatchObject({ code: "OPTION_INVALID" });
});

test("a refused file is not locked: once it is well it opens", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "nexus.db");
  change(file, "CREATE TABLE theirs (a)");
  await expect(sqliteStore(file).open(SETUP)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  change(file, "DROP TABLE theirs");
  await using store = sqliteStore(file);
  await store.open(SETUP);
});

function anEvent(id: string): NewEvent {
  return { id, type: "step.started", runId: "r", channel: "app", source: "test/abc123", visibility: "operators", data: null };
}

function change(file: string, sql: string): void {
  const db = new Database(file);
  db.exec(sql);
  db.close();
}
