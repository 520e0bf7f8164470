import { cp, mkdir, open, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Chance, TIMES } from "./chance.ts";
import { checkReader, type Line, type Seen, sliceOf } from "./checker.ts";
import { faultyProxy } from "./proxy.ts";
import { acknowledged, Client, Scene } from "./scene.ts";
import { Server } from "./server.ts";

const ROUNDS = 16 * TIMES;
const PAGE_BYTES = 8_192;
const TYPES = ["load.a", "load.b"];

/** What happens to the files of a process that is gone. @returns in words what was done; nothing where there is nothing to be damaged. */
type Damage = (file: string, chance: Chance) => Promise<string | undefined>;

const DAMAGES: readonly Damage[] = [
  (file, chance) => overwritePage(file, chance, 0xa5),
  (file, chance) => overwritePage(file, chance, 0),
  (file, chance) => cutShort(file, chance),
  (file, chance) => cutShort(`${file}-wal`, chance),
  async (file, chance) => {
    const size = await sizeOf(`${file}-wal`);
    if (size === 0) return undefined;
    const at = Math.floor(chance.fraction() * size);
    await change(`${file}-wal`, at, (bytes) => bytes.map((byte) => byte ^ 0x10));
    return `a bit of its write-ahead log is another, at ${at}`;
  },
];

test("[app.7] [log.9] files that were damaged after kill -9: they are refused in words, or what is served is the log", async () => {
  await using scene = await Scene.open("damage");
  const { chance, figures } = scene;
  const server = new Server({ app: "runs-app.ts", folder: scene.folder });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const clients = ["http", "frames"].map((kind) => new Client(scene, { kind, url: proxy.url, types: TYPES }));
  const starter = new Client(scene, { kind: "http", url: proxy.url, types: ["many-steps"], what: "runs", atOnce: 1, pauseMs: 20 });
  await acknowledged(clients, 1_000);
  // Once so that its end stands in the file, and once so that it stands in the write-ahead log.
  await server.stop();
  const stopped = await kept(server.file, join(scene.folder, "stopped"));
  await server.start();
  await acknowledged(clients, 1_000);
  await Promise.all([...clients, starter].map((client) => client.stop()));
  await server.kill();
  figures.kills++;
  const killed = await kept(server.file, join(scene.folder, "killed"));

  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const from = round % 2 === 0 ? killed : stopped;
    const folder = join(scene.folder, `round-${round}`);
    await cp(from.folder, folder, { recursive: true });
    const done = await (DAMAGES[Math.floor(round / 2) % DAMAGES.length] as Damage)(join(folder, "nexus.db"), chance);
    if (done === undefined) continue;
    figures.disk++;
    const damaged = new Server({ app: "log-app.ts", folder });
    const opens = await damaged.start().then(
      () => true,
      () => false,
    );
    if (!opens) {
      refused++;
      expect(damaged.child.said(), done).toMatch(/is damaged/);
      continue;
    }
    for (const type of ["*", "load.a"]) {
      const { lines, whole } = await read(damaged.url, type);
      const there = from.events.filter((event) => type === "*" || event.type === type);
      const until = (lines.at(-1) as { event?: Seen } | undefined)?.event?.sequence ?? 0;
      // What this life itself has recorded comes behind.
      const expected = whole ? there : there.filter(({ sequence }) => sequence <= until);
      const upToThen = lines.filter((line) => line.kind !== "event" || line.event.sequence <= from.last);
      scene.judge(`${done}, and served: ${type}`, checkReader(upToThen, expected), expected.length);
    }
    await damaged.kill();
  }
  // Most of it is noticed at once: a page that is used, an end that is missing.
  expect(refused).toBeGreaterThan(figures.disk / 2);
});

async function kept(file: string, folder: string): Promise<{ folder: string; events: readonly Seen[]; last: number }> {
  await mkdir(folder);
  const copy = join(folder, "nexus.db");
  for (const end of ["", "-wal", "-shm"]) await cp(file + end, copy + end).catch(() => {});
  const other = `${folder}-to-be-read`;
  await cp(folder, other, { recursive: true });
  const { events } = sliceOf(join(other, "nexus.db"));
  return { folder, events, last: events.at(-1)?.sequence ?? 0 };
}

/** Everything of a type that is served, as far as it is; whatever it answers else is STORE_DAMAGED. */
async function read(url: string, type: string): Promise<{ lines: Line[]; whole: boolean }> {
  const lines: Line[] = [];
  for (let after = "earliest"; ; ) {
    const response = await fetch(`${url}/events?type=${type}&after=${after}&limit=200`);
    const page: any = await response.json();
    if (!response.ok) {
      expect(page).toMatchObject({ code: "STORE_DAMAGED" });
      return { lines, whole: false };
    }
    lines.push(...page.events.map((event: Seen) => ({ kind: "event", event })));
    if (page.hasMore !== true) return { lines, whole: true };
    after = page.cursor;
  }
}

async function overwritePage(file: string, chance: Chance, byte: number): Promise<string> {
  const page = chance.upTo(Math.floor((await stat(file)).size / PAGE_BYTES));
  await change(file, (page - 1) * PAGE_BYTES, () => Buffer.alloc(PAGE_BYTES, byte));
  return `page ${page} is overwritten with ${byte}`;
}

async function cutShort(file: string, chance: Chance): Promise<string | undefined> {
  const size = await sizeOf(file);
  if (size === 0) return undefined;
  const to = Math.floor(chance.fraction() * size);
  await truncate(file, to);
  return `${file} is cut from ${size} to ${to} bytes`;
}

async function change(file: string, at: number, to: (bytes: Buffer) => Uint8Array): Promise<void> {
  await using handle = await open(file, "r+");
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
  await handle.write(to(buffer), 0, undefined, at);
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}
