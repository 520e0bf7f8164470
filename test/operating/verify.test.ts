import { copyFileSync, mkdirSync, readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Nexus, sqliteStore } from "nexus-event-system";
import { beforeAll, expect, test } from "vitest";
import { jsonLines, nexus } from "../cli/nexus.ts";
import { when } from "../consumers/when.ts";
import { startChild } from "../log/child.ts";
import { type Directory, temporaryDirectory } from "../log/places.ts";
import { change, lookUp, overwrite, overwritePage, pagesOf, placeOf } from "./damage.ts";
import { busyApp, use } from "./fixtures/busy.ts";

let directory: Directory;
let sound: string;

/** A copy of the sound file, to be damaged. */
function copy(name: string): string {
  const file = join(directory.path, `${name.replaceAll(/\W/g, "-")}.db`);
  copyFileSync(sound, file);
  return file;
}

async function verify(file: string): Promise<{ readonly code: number | null; readonly found: any }> {
  const { code, stdout } = await nexus(["verify", "--db", file, "--output", "json"]);
  return { code, found: jsonLines(stdout)[0] };
}

beforeAll(async () => {
  directory = await temporaryDirectory();
  sound = join(directory.path, "sound.db");
  const { app, billing } = busyApp(sound, (n) => {
    if (n % 3 === 0) throw new Error("not this one");
  });
  await app.start({ listen: false });
  await use(app);
  await when(billing, ({ lag, deadLetters }) => lag === 0 && deadLetters === 4);
  await app.stop({ deadlineMs: 0 });
  return () => directory[Symbol.asyncDispose]();
});

test("[app.7] verify says what it has looked at, in numbers, and exits 0 where nothing is wrong", async () => {
  const { code, found } = await verify(sound);
  const events = lookUp<number>(sound, "SELECT count(*) FROM events");
  expect(code).toBe(0);
  expect(found).toMatchObject({ version: 2, known: 2, events, first: 1, last: events, faults: [], moreFaults: 0 });
  expect(found.cursor).toMatch(new RegExp(`^[0-9a-z]{10}\\.${events}\\.[0-9a-z]+$`));
  expect(found.index.entries).toBeGreaterThan(8_000);
  expect(found.state.values).toBe(lookUp(sound, "SELECT count(*) FROM state"));
  // Where unfinished runs, sessions, and a consumer are, four dead letters, and how the log was measured.
  expect(found.state.places).toBeGreaterThanOrEqual(7);
  const text = await nexus(["verify", "--db", sound]);
  expect([text.code, text.stderr]).toEqual([0, ""]);
  expect(text.stdout).toMatch(new RegExp(`log +${events.toLocaleString("en")} events, 1 to ${events}, up to ${found.cursor}`));
  expect(text.stdout).toMatch(/✔ no fault\n$/);
});

test("[app.7] verify of a small log says that its events are not in the index yet, and leaves no file beside it", async () => {
  const folder = join(directory.path, "small");
  mkdirSync(folder);
  const file = join(folder, "nexus.db");
  const app = new Nexus({ store: sqliteStore(file) }) as Nexus;
  for (let n = 0; n < 12; n++) await app.emitEvent("noted", { n });
  await app.stop();
  const events = lookUp<number>(file, "SELECT count(*) FROM events");
  const before = readdirSync(folder);
  const { code, found } = await verify(file);
  expect([code, found.index]).toEqual([0, { keys: 0, entries: 0, behind: events }]);
  expect(readdirSync(folder)).toEqual(before);
  const { stdout } = await nexus(["verify", "--db", file]);
  expect(stdout).toContain(`0 entries under 0 keys; the newest ${events} events are indexed when it is opened`);
});

/** What is done to a sound file, and the fault that is to be named. */
const DAMAGES: Readonly<Record<string, readonly [damage: (file: string) => void, path: RegExp, message: RegExp]>> = {
  "an event that is gone": [(file) => change(file, "DELETE FROM events WHERE sequence = 70"), /^event 70$/, /gap/],
  "the first events, gone": [(file) => change(file, "DELETE FROM events WHERE sequence < 4"), /^events 1 to 3$/, /gap/],
  "a timestamp that falls": [
    (file) => change(file, "UPDATE events SET timestamp = timestamp - 90000 WHERE sequence = 80"),
    /^event 80$/,
    /timestamp .* before/,
  ],
  "a body that is no JSON": [
    (file) => change(file, `UPDATE events SET body = substr(body, 1, 40) WHERE sequence = 90`),
    /^event 90$/,
    /not JSON/,
  ],
  "a body that says what its row says": [
    (file) => change(file, "UPDATE events SET body = json_set(body, '$.sequence', 4) WHERE sequence = 91"),
    /^event 91$/,
    /field sequence/,
  ],
  "a body without its envelope": [
    (file) => change(file, "UPDATE events SET body = json_remove(body, '$.channel') WHERE sequence = 92"),
    /^event 92$/,
    /no channel/,
  ],
  "an id as text that is stored as bytes": [
    (file) => change(file, "UPDATE events SET id = '0198f3a4-0000-7000-8000-000000000000' WHERE sequence = 93"),
    /^event 93$/,
    /id/,
  ],
  "another user than the index has": [
    (file) => change(file, "UPDATE events SET body = json_set(body, '$.userId', 'bob') WHERE sequence = 1000"),
    /^index$/,
    /userId bob does not lead to event 1000/,
  ],
  "a block that is gone from the index": [
    (file) => change(file, "DELETE FROM postings WHERE key = 'trow.read'"),
    /^index$/,
    /type row\.read does not lead to event \d+ and \d+ more/,
  ],
  "a block that leads nowhere": [
    (file) => change(file, "INSERT INTO postings VALUES ('rnobody', 50, x'01')"),
    /^index$/,
    /runId nobody leads to event 49 and 1 more/,
  ],
  "a block that is none": [
    (file) => change(file, "UPDATE postings SET block = x'ffff' WHERE key = 'trow.read'"),
    /^index$/,
    /a block of type row\.read/,
  ],
  "an index that reaches too far": [
    (file) => change(file, "UPDATE meta SET value = 900000 WHERE name = 'indexed'"),
    /^index$/,
    /reaches to event 900000/,
  ],
  "a place of another log": [
    (file) => change(file, `UPDATE state SET value = '"aaaaaaaaaa.5"' WHERE key = 'open-cursor'`),
    /^state open-cursor$/,
    /another log/,
  ],
  "a place behind the end": [
    (file) =>
      change(
        file,
        `UPDATE state SET value = json_quote((SELECT value FROM meta WHERE name = 'epoch') || '.900000') WHERE key = 'sessions-cursor'`,
      ),
    /^state sessions-cursor$/,
    /behind the last event/,
  ],
  "a place behind another event": [
    (file) =>
      change(
        file,
        `UPDATE state SET value = json_set(value, '$.cursor', substr(value ->> '$.cursor', 1, length(value ->> '$.cursor') - 2) || 'zz') WHERE key LIKE 'consumers/%'`,
      ),
    /^state consumers\/YmlsbGluZw$/,
    /behind another event/,
  ],
  "a value that is no JSON": [
    (file) => change(file, "UPDATE state SET value = '{' WHERE key LIKE 'event-types/%'"),
    /^state event-types\//,
    /cannot be read/,
  ],
  "a revision that was never given out": [
    (file) => change(file, "UPDATE state SET revision = 900000 WHERE key = 'open-cursor'"),
    /^state open-cursor$/,
    /revision/,
  ],
  "a page of zeros in the state": [
    (file) => overwritePage(file, lookUp<number>(file, "SELECT rootpage FROM sqlite_schema WHERE name = 'state'")),
    /^table state$/,
    /page \d+/,
  ],
};

for (const [what, [damage, path, message]] of Object.entries(DAMAGES)) {
  test(`[app.7] verify names ${what}, and exits 1`, async () => {
    const file = copy(what);
    damage(file);
    const { code, found } = await verify(file);
    expect(code).toBe(1);
    expect(found.faults).toContainEqual({ path: expect.stringMatching(path), message: expect.stringMatching(message) });
  });
}

test("[app.7] a damaged page is named by its number; for people, with what to do", async () => {
  const file = copy("a damaged page");
  const page = Math.floor(pagesOf(file) / 2);
  overwritePage(file, page);
  const { code, stdout, stderr } = await nexus(["verify", "--db", file]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/✖ \d+ faults?\n/);
  expect(stdout).toMatch(new RegExp(`page ${page}\\b`));
  expect(stderr).toBe("  docs/operating.md says how to go back to a backup\n");
});

test("[app.7] a file, and a write-ahead log, that lack their end are named, as often as they are looked at; opening them is refused", async () => {
  const file = copy("a file that lacks its end");
  truncateSync(file, 40 * 8192);
  const killed = join(directory.path, "killed.db");
  await using child = startChild("../../operating/fixtures/appending.ts", killed);
  let lines = 0;
  for await (const _ of child.lines) if (++lines === 500) child.kill();
  await child.ended();
  const whole = join(directory.path, "whole.db");
  for (const suffix of ["", "-wal", "-shm"]) copyFileSync(killed + suffix, whole + suffix);
  truncateSync(`${killed}-wal`, 100_000);
  for (const [cut, path, message] of [
    [file, "file", /cut short/],
    [killed, "write-ahead log", /whole up to \d+ of them/],
  ] as const) {
    for (const _time of ["first", "second"]) {
      const { code, found } = await verify(cut);
      expect(code).toBe(1);
      expect(found).toMatchObject({ code: "STORE_DAMAGED", faults: [{ path, message: expect.stringMatching(message) }] });
      await expect(new Nexus({ store: sqliteStore(cut) }).open()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    }
  }
  expect((await verify(whole)).code).toBe(0);
});

test("[app.7] while a process writes as fast as it can, verify finds nothing wrong, and the process is not disturbed", async () => {
  const file = join(directory.path, "written.db");
  await using child = startChild("../../operating/fixtures/appending.ts", file, "10000");
  let verifying: Promise<readonly { readonly code: number | null; readonly found: any }[]> | undefined;
  let acknowledged = 0;
  let over = false;
  for await (const line of child.lines) {
    if (line.startsWith("e ")) acknowledged += 1;
    if (acknowledged === 5_000)
      verifying ??= Promise.all([verify(file), verify(file)]).finally(() => {
        over = true;
      });
    if (over) break;
  }
  const first = acknowledged;
  for await (const line of child.lines) if (line.startsWith("e ") && ++acknowledged > first + 1_000) break;
  for (const { code, found } of (await verifying) ?? []) {
    expect(found.faults).toEqual([]);
    expect(code).toBe(0);
    expect(found.events).toBeGreaterThanOrEqual(5_000);
  }
});

test("[app.7] a file that is damaged is not served: opening it is STORE_DAMAGED, which names the file and the faults, and `nexus start` says what to do", async () => {
  const file = copy("damaged and opened");
  overwritePage(file, Math.floor(pagesOf(file) / 2));
  const { app } = busyApp(file);
  await expect(app.start({ listen: false })).rejects.toMatchObject({
    code: "STORE_DAMAGED",
    retryable: false,
    message: expect.stringMatching(/page \d+/),
    details: { file: expect.stringMatching(/damaged-and-opened\.db$/) },
  });
  const started = await nexus(["start", join(import.meta.dirname, "../cli/durable-app.ts"), "--port", "0"], { env: { NEXUS_DB: file } });
  expect(started.code).toBe(1);
  expect(started.stdout).toBe("");
  expect(started.stderr).toMatch(/^✖ The database file is damaged.*damaged-and-opened\.db\n/);
  expect(started.stderr).toMatch(/docs\/operating\.md/);
});

test("[app.7] damage that comes to light while an app runs: whoever met it, and everyone after, is told; nothing more is written, and no path is told to callers", async () => {
  const file = join(directory.path, "damaged meanwhile.db");
  const text = (n: number): string => `${n} `.padEnd(200_000, "x");
  {
    const app = new Nexus({ store: sqliteStore(file) }) as Nexus;
    await app.open();
    for (let n = 0; n < 25; n++) await app.emitEvent("large", text(n));
    await app.stop();
  }
  const at = placeOf(file, '"0 xxx') + 50_000;
  const errors: object[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => errors.push(fields) };
  const app = new Nexus({ store: sqliteStore(file), logger }) as Nexus;
  const { url = "" } = await app.start({ port: 0 });
  const { length } = (await app.getEvents({ after: "earliest", limit: 3 })).events;
  overwrite(file, at, Buffer.alloc(500, 0));
  await expect(app.getEvents({ after: "earliest", limit: 3 })).rejects.toMatchObject({
    code: "STORE_DAMAGED",
    details: { store: "sqlite" },
  });
  await expect(app.emitEvent("more", {})).rejects.toMatchObject({ code: "STORE_DAMAGED", retryable: false });
  await expect(app.getEvents({ limit: 1 })).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  const response = await fetch(`${url}/events`);
  const body = await response.text();
  expect([response.status, JSON.parse(body).code]).toEqual([503, "STORE_DAMAGED"]);
  expect(body).not.toContain("meanwhile");
  await app.stop();
  expect(length).toBe(3);
  expect(errors.length).toBe(1);
  expect(lookUp(file, "SELECT count(*) FROM events WHERE body LIKE '%\"more\"%'")).toBe(0);
});

test("verify of what is no file, no database, or another program's says so", async () => {
  for (const [name, made, says] of [
    ["none.db", undefined, /it is not there/],
    ["other.db", "CREATE TABLE theirs (a)", /another program/],
  ] as const) {
    const file = join(directory.path, name);
    if (made !== undefined) change(file, made);
    const { code, stderr } = await nexus(["verify", "--db", file]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
  }
});
