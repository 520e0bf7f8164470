import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Nexus, sqliteStore } from "nexus-event-system";
import { beforeAll, expect, test } from "vitest";
import { jsonLines, nexus } from "../cli/nexus.ts";
import { Served } from "../cli/served.ts";
import { type Directory, temporaryDirectory } from "../log/places.ts";
import { change, lookUp } from "./damage.ts";

const NAMES = ["node", "package", "database", "folder", "fsync", "clock", "port", "server", "keys", "floor"];

let directory: Directory;
let sound: string;
/** Any free port, and a server where nothing listens: nobody serves port 1. */
const QUIET = { NEXUS_PORT: "0", NEXUS_API_KEY: "", NEXUS_URL: "http://127.0.0.1:1" };

type Checks = Readonly<Record<string, { readonly status: string; readonly says: string; readonly todo?: string }>>;

async function doctor(
  file: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly checks: Checks }> {
  const { code, stdout } = await nexus(["doctor", "--db", file, "--output", "json"], { env: { ...QUIET, ...env } });
  const [{ works, checks }] = jsonLines(stdout);
  expect(works).toBe(code === 0);
  expect(checks.map(({ name }: { name: string }) => name)).toEqual(NAMES);
  return { code, checks: Object.fromEntries(checks.map(({ name, ...finding }: { name: string }) => [name, finding])) };
}

/** A folder of its own with a copy of the sound file. */
function copy(name: string): string {
  const folder = join(directory.path, name);
  mkdirSync(folder);
  copyFileSync(sound, join(folder, "nexus.db"));
  return join(folder, "nexus.db");
}

beforeAll(async () => {
  directory = await temporaryDirectory();
  sound = join(directory.path, "sound.db");
  const app = new Nexus({ store: sqliteStore(sound) }) as Nexus;
  for (let n = 0; n < 300; n++) await app.emitEvent("noted", { n, text: "x".repeat(500) });
  await app.stop();
  return () => directory[Symbol.asyncDispose]();
});

test("[app.11] doctor before the first start: nothing is in the way, one line a check, and nothing is made", async () => {
  const file = join(directory.path, "not-made", "nexus.db");
  const { code, stdout, stderr } = await nexus(["doctor", "--db", file], { env: QUIET });
  expect([code, stderr]).toEqual([0, ""]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines.filter((line) => /^[✔!✖]/.test(line)).map((line) => line.split(/ +/)[1])).toEqual(NAMES);
  expect(stdout).toMatch(/✔ database .*nexus\.db is not there yet; the first start makes it\n/);
  expect(stdout).toMatch(/fsync +\d+\.\d+ ms, the median of 50\n/);
  expect(stdout).toMatch(/! server +nothing answers at http:\/\/127\.0\.0\.1:1\n +nexus start/);
  expect(existsSync(join(directory.path, "not-made"))).toBe(false);
});

test("[app.11] doctor of a file that nobody has open: its version, its events, and not a byte of it or beside it is changed", async () => {
  const file = copy("closed");
  const before = readFileSync(file);
  const { code, checks } = await doctor(file);
  const events = lookUp<number>(sound, "SELECT count(*) FROM events");
  expect(code).toBe(0);
  expect(checks["database"]).toEqual({ status: "ok", says: expect.stringMatching(/version 2, .*, open nowhere$/) });
  expect(checks["floor"]?.says).toContain(`events 1 to ${events}, nothing is forgotten`);
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(readdirSync(join(file, ".."))).toEqual(["nexus.db"]);
});

test("[app.11] doctor beside a running server: who has the file, who has the port, what the floor is, and whether the credential is good", async () => {
  await using server = await Served.open();
  const env = { NEXUS_URL: server.url, NEXUS_PORT: new URL(server.url).port };
  const open = await doctor(server.db, env);
  expect(open.code).toBe(0);
  expect(open.checks["database"]?.says).toMatch(new RegExp(`open in process ${lookUpOwner(server.db)} on `));
  expect(open.checks["port"]).toEqual({ status: "ok", says: expect.stringContaining("a Nexus server listens on 127.0.0.1:") });
  expect(open.checks["server"]?.says).toContain("it asks for no credential");
  expect(open.checks["floor"]?.says).toContain("nothing holds it");
  expect(open.checks["keys"]?.says).toMatch(/^none in the file/);
  const made = async (user: string, scope: string, key: string): Promise<string> => {
    const { stdout } = await nexus(["keys", "create", user, "--scope", scope], { url: server.url, env: { NEXUS_API_KEY: key } });
    return stdout.trim();
  };
  const admin = await made("ann", "admin", "");
  const reader = await made("bob", "events:read", admin);
  const asked = await Promise.all(
    ["", admin, reader, `${admin.slice(0, -1)}!`].map((key) => doctor(server.db, { ...env, NEXUS_API_KEY: key })),
  );
  expect(asked.map(({ code, checks }) => [code, checks["server"]?.status])).toEqual([
    [0, "warn"],
    [0, "ok"],
    [0, "ok"],
    [1, "fail"],
  ]);
  expect(asked[2]?.checks["server"]?.says).toContain("has not the scope admin");
  expect(asked[1]?.checks["keys"]).toEqual({ status: "ok", says: "2 of 2 keys in the file are good" });
  expect(JSON.stringify(asked)).not.toContain(admin.slice(-20, -1));
});

test("[app.11] doctor says that no key in the file is good any more", async () => {
  const file = copy("keys");
  const app = new Nexus({ store: sqliteStore(file) }) as Nexus;
  await app.open();
  await app.stop();
  const revoked = { id: "aaaaaaaaaaaa", userId: "ann", scopes: ["admin"], createdAt: 1, revokedAt: 2 };
  const ended = { id: "bbbbbbbbbbbb", userId: "ann", scopes: ["admin"], createdAt: 1, expiresAt: 3 };
  for (const key of [revoked, ended]) change(file, `INSERT INTO state VALUES ('keys/${key.id}', '${JSON.stringify(key)}', 1)`);
  const { code, checks } = await doctor(file);
  expect([code, checks["keys"]?.status, checks["keys"]?.says]).toEqual([0, "warn", "none of 2 keys in the file is good"]);
  expect(checks["keys"]?.todo).toContain("--app");
});

test("[app.11] doctor names a file that lacks its end, as often as it is asked, and opening it is refused still", async () => {
  const file = copy("cut");
  truncateSync(file, 8 * 8192);
  for (const _time of ["first", "second"]) {
    const { code, checks } = await doctor(file);
    expect([code, checks["database"]?.status]).toEqual([1, "fail"]);
    expect(checks["database"]?.says).toMatch(/cut short/);
  }
  await expect(new Nexus({ store: sqliteStore(file) }).open()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
});

test("[app.11] doctor names a file of a newer package, of another program, and what is no file", async () => {
  const newer = copy("newer");
  change(newer, "PRAGMA user_version = 99");
  const other = copy("other");
  change(other, "PRAGMA application_id = 7");
  const text = copy("text");
  writeFileSync(text, "no database".repeat(1_000));
  for (const [file, says] of [
    [newer, /version 99/],
    [other, /another program/],
    [text, /no database/],
    [join(newer, ".."), /unable to open|directory/i],
  ] as const) {
    const { code, checks } = await doctor(file);
    expect([code, checks["database"]?.status]).toEqual([1, "fail"]);
    expect(checks["database"]?.says).toMatch(says);
    expect(checks["database"]?.todo).toMatch(/\w/);
  }
});

test("[app.11] doctor tells events from the future, which are worth knowing and not in the way", async () => {
  const file = copy("ahead");
  change(file, "UPDATE events SET timestamp = timestamp + 7200000 WHERE sequence = (SELECT max(sequence) FROM events)");
  const { code, checks } = await doctor(file);
  expect([code, checks["clock"]?.status]).toEqual([0, "warn"]);
  expect(checks["clock"]?.says).toMatch(/ahead of this machine's clock/);
});

test("[app.11] doctor tells another program on the port from a server, sends it no key, and knows what is no port", async () => {
  const heard: string[] = [];
  const stranger = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      heard.push(bytes.toString());
      socket.end("220 good day\r\n");
    });
  });
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  const { port } = stranger.address() as { port: number };
  const { code, checks } = await doctor(sound, { NEXUS_PORT: String(port), NEXUS_API_KEY: "nexus_secret" });
  stranger.close();
  expect([code, checks["port"]?.status]).toEqual([1, "fail"]);
  expect(checks["port"]?.says).toBe(`another program listens on 127.0.0.1:${port}`);
  expect(heard.join("")).toContain("GET /healthz");
  expect(heard.join("")).not.toContain("secret");
  const wrong = await doctor(sound, { NEXUS_PORT: "80o0" });
  expect([wrong.code, wrong.checks["port"]?.says]).toEqual([1, '"80o0" is no port']);
});

function lookUpOwner(file: string): number {
  return (JSON.parse(readFileSync(`${file}.owner`, "utf8")) as { pid: number }).pid;
}
