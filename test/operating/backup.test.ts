import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { sqliteStore } from "../../src/stores/sqlite/store.ts";
import { Command, jsonLines, nexus } from "../cli/nexus.ts";
import { startChild } from "../log/child.ts";
import { temporaryDirectory } from "../log/places.ts";
import { change, overwritePage, pagesOf } from "./damage.ts";

const APPENDING = "../../operating/fixtures/appending.ts";

test("[app.8] a backup made while a process appends as fast as it can holds a moment of its log: all that was acknowledged before, in order, and nothing else", async () => {
  await using directory = await temporaryDirectory();
  const [file, to] = [join(directory.path, "nexus.db"), join(directory.path, "backup.db")];
  const acknowledged = new Map<number, string>();
  let before = 0;
  let backup: any;
  let made: Promise<void> | undefined;
  await using child = startChild(APPENDING, file, "20000");
  for await (const line of child.lines) {
    const [kind, id = "", sequence] = line.split(" ");
    if (kind === "e") acknowledged.set(Number(sequence), id);
    if (acknowledged.size === 6_000)
      made ??= nexus(["backup", to, "--db", file, "--output", "json"]).then(({ code, stdout, stderr }) => {
        expect([code, stderr]).toEqual([0, ""]);
        backup = jsonLines(stdout)[0];
        before = acknowledged.size;
      });
    // It goes on appending afterwards.
    if (before > 0 && acknowledged.size > before + 500) child.kill();
  }
  await made;
  expect(backup).toMatchObject({ from: file, file: to, first: 1, last: backup.events, faults: [], bytes: statSync(to).size });
  expect(backup.events).toBeGreaterThanOrEqual(6_000);
  expect(readdirSync(directory.path).filter((name) => name.startsWith("backup"))).toEqual(["backup.db"]);
  expect((await nexus(["verify", "--db", file])).code).toBe(0);
  await using store = sqliteStore(file);
  const { log } = await store.open({ now: Date.now });
  await using copied = sqliteStore(to);
  const { log: copy } = await copied.open({ now: Date.now });
  expect((await copy.head()).sequence).toBe(backup.events);
  expect(backup.cursor.startsWith(`${(await log.head()).epoch}.${backup.events}.`)).toBe(true);
  for (let after = 0; after < backup.events; ) {
    const [theirs, ours] = await Promise.all([copy, log].map((each) => each.read({ after, limit: 1000 })));
    const expected = ours?.events.slice(0, theirs?.events.length);
    expect(JSON.stringify(theirs?.events) === JSON.stringify(expected)).toBe(true);
    for (const { id, sequence } of theirs?.events ?? []) expect(acknowledged.get(sequence) ?? id).toBe(id);
    after = theirs?.next ?? 0;
  }
}, 120_000);

test("[app.8] kill -9 while a backup is made: there is none of its name, and the next one clears away what is left", async () => {
  await using directory = await temporaryDirectory();
  const [file, to] = [join(directory.path, "nexus.db"), join(directory.path, "backup.db")];
  {
    await using store = sqliteStore(file, { sync: "normal" });
    const { log } = await store.open({ now: Date.now });
    const events = Array.from({ length: 20_000 }, (_, n) => ({ id: `e${n}`, type: "thing", channel: "app", source: "t/1" }) as const);
    await Promise.all(events.map((event) => log.append({ ...event, visibility: "operators", data: "x".repeat(500) })));
  }
  const partial = (): boolean => readdirSync(directory.path).some((name) => name.endsWith(".partial"));
  {
    await using command = new Command(["backup", to, "--db", file]);
    while (!partial()) await setImmediate();
    command.signal("SIGKILL");
    expect((await command.ended).code).toBeNull();
  }
  expect([existsSync(to), partial()]).toEqual([false, true]);
  const { code, stdout } = await nexus(["backup", to, "--db", file]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^✔ .*backup\.db {2}20,000 events, 1 to 20000, up to [0-9a-z]+\.20000\.[0-9a-z]+, .* MB, verified, in .*\n$/);
  expect([existsSync(to), partial()]).toEqual([true, false]);
});

test("[app.8] a backup takes nobody's place, and nothing that is not sound becomes one", async () => {
  await using directory = await temporaryDirectory();
  const [file, to] = [join(directory.path, "nexus.db"), join(directory.path, "backup.db")];
  {
    await using store = sqliteStore(file);
    const { log } = await store.open({ now: Date.now });
    for (let n = 0; n < 200; n++)
      await log.append({ id: `e${n}`, type: "thing", channel: "app", source: "t/1", visibility: "operators", data: "x".repeat(500) });
  }
  writeFileSync(to, "something else");
  const backup = async (...args: string[]): Promise<readonly [code: number | null, said: any]> => {
    const { code, stdout } = await nexus(["backup", ...args, "--output", "json"]);
    return [code, jsonLines(stdout)[0]];
  };
  expect(await backup(to, "--db", file)).toEqual([2, expect.objectContaining({ code: "OPTION_INVALID" })]);
  expect(readFileSync(to, "utf8")).toBe("something else");
  expect((await backup(join(directory.path, "nowhere/backup.db"), "--db", file))[0]).toBe(2);
  expect((await backup(join(directory.path, "new.db"), "--db", join(directory.path, "none.db")))[0]).toBe(2);
  for (const [name, damage] of [
    ["page.db", (each: string) => overwritePage(each, Math.floor(pagesOf(each) / 2))],
    ["gap.db", (each: string) => change(each, "DELETE FROM events WHERE sequence = 100")],
  ] as const) {
    const damaged = join(directory.path, name);
    copyFileSync(file, damaged);
    damage(damaged);
    const [code, said] = await backup(join(directory.path, "of-damaged"), "--db", damaged);
    expect([code, said.code, said.file]).toEqual([1, "STORE_DAMAGED", damaged]);
  }
  expect(readdirSync(directory.path).filter((name) => /^of-damaged|partial/.test(name))).toEqual([]);
  chmodSync(file, 0o600);
  expect((await backup(join(directory.path, "own.db"), "--db", file))[0]).toBe(0);
  expect(statSync(join(directory.path, "own.db")).mode & 0o777).toBe(0o600);
});
