import { expect, test } from "vitest";
import { TIMES } from "./chance.ts";
import { sliceOf } from "./checker.ts";
import { faultyProxy } from "./proxy.ts";
import { acknowledged, Client, END, end, READERS, Reader, Scene } from "./scene.ts";
import { Server } from "./server.ts";

const KILLS = 20 * TIMES;
/** So many events are acknowledged between two kills, at most. */
const BETWEEN = 250;
const TYPES = ["load.a", "load.b", "other"];

test("[log.9] [log.2] [subscription.2] [mcp.2] kill -9 while clients append and readers follow: all that is acknowledged is there, and everyone sees it once, in order", async () => {
  await using scene = await Scene.open("appends");
  const { chance, figures } = scene;
  const server = new Server({ app: "log-app.ts", folder: scene.folder });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const readers = READERS.map((kind) => new Reader(scene, { kind, url: proxy.url, types: ["load.*"] }));
  const clients = ["http", "client", "frames", "mcp"].map((kind) => new Client(scene, { kind, url: proxy.url, types: TYPES }));

  for (let kill = 0; kill < KILLS; kill++) {
    await acknowledged(clients, chance.upTo(BETWEEN));
    await scene.moment(20);
    // A reader dies now and then, too.
    if (chance.fraction() < 0.3) figures.kills += await chance.oneOf(readers).crash();
    figures.kills += await server.crash(chance);
  }

  await Promise.all(clients.map((client) => client.stop()));
  await end(proxy.url);
  await Promise.all(readers.map((reader) => reader.done()));
  await server.stop();

  const slice = sliceOf(server.file);
  const sent = slice.events.filter(({ type }) => TYPES.includes(type));
  expect(sent.length).toBeGreaterThan(KILLS * 50);
  scene.judgeLog(slice);
  scene.judgeClients(clients, sent);
  const followed = slice.events.filter(({ type }) => type.startsWith("load.") || type === END);
  for (const reader of readers) scene.judgeReader(reader, followed);
});
