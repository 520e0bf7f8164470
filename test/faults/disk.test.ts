import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { TIMES } from "./chance.ts";
import { linesOf, sliceOf } from "./checker.ts";
import { checkDeliveries, type Try } from "./checker-deliveries.ts";
import { checkRuns, type Effect, type Start } from "./checker-runs.ts";
import { failingDisk, smallDisk, smallFiles } from "./disks.ts";
import { faultyProxy } from "./proxy.ts";
import { acknowledged, Client, END, end, Reader, refused, Scene, unendedRuns } from "./scene.ts";
import { Server } from "./server.ts";

const EPISODES = 5 * TIMES;
const TYPES = ["load.a", "load.b"];

test.each([
  ["a full disk", smallDisk],
  ["files that may not grow", smallFiles],
  ["a disk that answers with errors", failingDisk],
])(
  "[log.10] %s: appends are STORE_UNAVAILABLE, the process lives, reading goes on; when it is well, all goes on without a restart",
  async (kind, makeDisk) => {
    await using scene = await Scene.open(kind);
    const { chance, figures } = scene;
    await using disk = await makeDisk(scene);
    if (disk === undefined) return;
    const server = new Server({ app: "disk-app.ts", folder: scene.folder, data: disk.folder, env: disk.env });
    await using proxy = await faultyProxy(() => server.port);
    await server.start();
    const { pid } = server.child;
    const { url } = proxy;
    const readers = ["event stream", "client", "long-poll", "MCP wait"].map((kind) => new Reader(scene, { kind, url, types: ["load.*"] }));
    const clients = ["http", "client", "frames", "mcp"].map(
      (kind) => new Client(scene, { kind, url, types: TYPES, atOnce: 2, pauseMs: 2 }),
    );
    const starters = ["http", "mcp"].map(
      (kind) => new Client(scene, { kind, url, types: ["many-steps"], what: "runs", atOnce: 1, pauseMs: 150 }),
    );
    const all = [...clients, ...starters];

    for (let episode = 0; episode < EPISODES; episode++) {
      await acknowledged(clients, 50 + chance.upTo(200));
      await disk.break(server, chance);
      // Everyone who writes is told so, also some who begin a run.
      await Promise.all(all.map((client) => refused(client, 2)));
      const head = (await page(url, "latest")).cursor;
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      expect((await page(url, "earliest")).events.length).toBeGreaterThan(50);
      await scene.moment(400);
      // Nothing was recorded meanwhile.
      expect((await page(url, "latest")).cursor).toBe(head);
      await disk.mend(server);
      figures.disk++;
    }

    await acknowledged(all, 50);
    expect([server.child.pid, server.child.ended]).toEqual([pid, false]);
    await Promise.all(all.map((client) => client.stop()));
    await expect.poll(() => unendedRuns(url), { timeout: 60_000, interval: 100 }).toBe(0);
    await end(url);
    await Promise.all(readers.map((reader) => reader.done()));
    await expect.poll(async () => (await health(url)).consumers.lag, { timeout: 30_000, interval: 100 }).toBe(0);
    await server.stop();

    const slice = sliceOf(server.file);
    scene.judgeLog(slice);
    scene.judgeClients(
      clients,
      slice.events.filter(({ type }) => TYPES.includes(type)),
    );
    const followed = slice.events.filter(({ type }) => type.startsWith("load.") || type === END);
    for (const reader of readers) scene.judgeReader(reader, followed);
    const starts = starters.flatMap((client) => client.ledger<Start>());
    scene.judge("runs", checkRuns("many-steps", starts, linesOf<Effect>(scene.path("effects")), slice.events), slice.events.length);
    const tries = linesOf<Try>(scene.path("kept.tries"));
    const { found, repeats } = checkDeliveries(tries, { events: followed, killedAt: [], inOrder: true, timeoutMs: 30_000 });
    figures.readers++;
    figures.repeats += repeats;
    scene.judge("kept", found, followed.length);
    expect(await readFile(scene.path("server.log"), "utf8")).not.toContain("nobody handled it");
  },
);

test("[log.9] [log.10] a process that dies on a full disk: the next says why it cannot open, or opens; with room all that was acknowledged is there", async () => {
  await using scene = await Scene.open("killed on a full disk");
  const { chance, figures } = scene;
  await using disk = await smallDisk(scene);
  if (disk === undefined) return;
  const server = new Server({ app: "log-app.ts", folder: scene.folder, data: disk.folder });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const clients = ["http", "frames"].map((kind) => new Client(scene, { kind, url: proxy.url, types: TYPES, atOnce: 2 }));
  for (let episode = 0; episode < EPISODES; episode++) {
    await acknowledged(clients, 50 + chance.upTo(200));
    await disk.break(server, chance);
    await Promise.all(clients.map((client) => refused(client, 1)));
    await scene.moment(100);
    await server.kill();
    const opens = await server.start().then(
      () => true,
      () => false,
    );
    if (opens) await server.kill();
    else expect(server.child.said()).toMatch(/no space left|disk is full/);
    await disk.mend(server);
    await server.start();
    figures.disk++;
    figures.kills++;
  }
  await Promise.all(clients.map((client) => client.stop()));
  await server.stop();
  const slice = sliceOf(server.file);
  scene.judgeLog(slice);
  scene.judgeClients(
    clients,
    slice.events.filter(({ type }) => TYPES.includes(type)),
  );
});

test.each([
  ["full", "no append is acknowledged", 503],
  ["normal", "each is, because none is waited for", 201],
])("[log.1] while nothing that is written reaches the disk, with sync %s: %s", async (sync, _what, status) => {
  await using scene = await Scene.open(`syncs of ${sync}`);
  await using disk = await failingDisk(scene);
  if (disk === undefined) return;
  const server = new Server({ app: "sync-app.ts", folder: scene.folder, env: { ...disk.env, FAULTS_SYNC: sync } });
  await server.start();
  const append = async (n: number): Promise<number> => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ type: "load.a", data: { n } });
    return (await fetch(`${server.url}/events`, { method: "POST", headers, body })).status;
  };
  expect(await append(1)).toBe(201);
  await writeFile(String(disk.env["FAULTS_DISK"]), "s");
  for (let n = 2; n < 10; n++) expect(await append(n)).toBe(status);
  scene.figures.disk++;
  await disk.mend(server);
  expect(await append(10)).toBe(201);
  const acknowledged = status === 201 ? 10 : 2;
  const { events } = await page(server.url, "earliest");
  expect(events.filter(({ type }: { readonly type: string }) => type === "load.a")).toHaveLength(acknowledged);
  await server.stop();
});

async function page(url: string, after: string): Promise<any> {
  const response = await fetch(`${url}/events?after=${after}&limit=100`);
  expect(response.status).toBe(200);
  return await response.json();
}

async function health(url: string): Promise<any> {
  return await (await fetch(`${url}/health`)).json();
}
