import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import { Nexus, sqliteStore } from "nexus-event-system";
import { expect, test } from "vitest";
import type { NewEvent } from "../../src/events/event.ts";
import { parseFilter } from "../../src/events/filter.ts";
import { type Migration, migrate } from "../../src/stores/sqlite/migrations.ts";
import { silent } from "../http/fixtures/site.ts";
import { startChild } from "./child.ts";
import { temporaryDirectory } from "./places.ts";

const SETUP = { now: Date.now };

test("[app.6] a file of a newer version is STORE_NEWER, which says both versions; it is left as it is, also what its last process had not moved into it", async () => {
  await using directory = await temporaryDirectory();
  const made = join(directory.path, "made.db");
  await (await sqliteStore(made).open(SETUP))[Symbol.asyncDispose]();
  const db = new Database(made);
  db.pragma("user_version = 99");
  const file = join(directory.path, "newer.db");
  // As a killed process leaves it: the newer version stands in the write-ahead log.
  for (const suffix of ["", "-wal"]) await copyFile(made + suffix, file + suffix);
  db.close();
  const before = await Promise.all(["", "-wal"].map((suffix) => readFile(file + suffix)));
  const app = new Nexus({ store: sqliteStore(file), logger: silent });
  await expect(app.start({ listen: false })).rejects.toMatchObject({
    code: "STORE_NEWER",
    retryable: false,
    details: { file: expect.stringMatching(/newer\.db$/), version: 99, known: 2 },
    message: expect.stringMatching(/version 99.*up to 2/),
  });
  expect(await Promise.all(["", "-wal"].map((suffix) => readFile(file + suffix)))).toEqual(before);
});

test("[app.6] kill -9 half-way through what makes a file one of the next version: it is of the version it was, whole", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "nexus.db");
  const ids = Array.from({ length: 5_000 }, (_, n) => `e${n}`);
  {
    await using store = sqliteStore(file, { sync: "normal" });
    const { log } = await store.open(SETUP);
    await Promise.all(ids.map((id) => log.append(anEvent(id))));
  }
  await using child = startChild("half-migrated.ts", file);
  for await (const line of child.lines) if (line === "half") child.kill();
  await child.ended();
  await using store = sqliteStore(file);
  const { log } = await store.open(SETUP);
  const seen: string[] = [];
  for (let after = 0; after < ids.length; ) {
    const page = await log.read({ after, filter: parseFilter({ type: "THING_HAPPENED" }), limit: 1000 });
    seen.push(...page.events.map(({ id }) => id));
    after = page.next;
  }
  expect(seen).toEqual(ids);
});

test("[app.6] a file takes every step from its version on, in order; where one fails it has taken none", () => {
  const db = new Database(":memory:");
  db.pragma("user_version = 2");
  const tables = (): unknown[] => db.prepare("SELECT name FROM sqlite_schema ORDER BY name").pluck().all();
  const table = (name: string): Migration => {
    return (each) => each.exec(`CREATE TABLE ${name} (a)`);
  };
  const passed: Migration = () => {
    throw new Error("a file of version 2 has this behind it");
  };
  const failing: Migration = () => {
    throw new Error("the disk is full");
  };
  expect(() => migrate(db, [passed, table("third"), table("fourth"), failing])).toThrow("the disk is full");
  expect([tables(), db.pragma("user_version", { simple: true })]).toEqual([[], 2]);
  migrate(db, [passed, table("third"), table("fourth")]);
  expect([tables(), db.pragma("user_version", { simple: true })]).toEqual([["fourth", "third"], 4]);
  db.close();
});

function anEvent(id: string): NewEvent {
  return { id, type: "THING_HAPPENED", channel: "app", source: "test/abc123", visibility: "operators", data: null };
}
