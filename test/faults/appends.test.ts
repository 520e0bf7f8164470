import { expect, test } from "vitest";
import { TIMES } from "./chance.ts";
import { sliceOf } from "./checker.ts";
import { faultyProxy } from "./proxy.ts";
import { Client, END, end, Reader, Scene } from "./scene.ts";
import { Server } from "./server.ts";

const KILLS = 24 * TIMES;
/** So many events are acknowledged between two kills, at most. */
const BETWEEN = 250;
const TYPES = ["load.a", "load.b", "other"];
const CLIENTS = ["http", "client", "frames", "mcp"];
const READERS = ["event stream", "client", "frames", "long-poll", "pages", "MCP wait", "MCP wait, 2025-11-25", "MCP events/stream"];

test("[log.9] [log.2] [subscription.2] [mcp.2] kill -9 while clients append and readers follow: all that is acknowledged is there, and everyone sees it once, in order", async () => {
  await using scene = await Scene.open("appends");
  const { chance, figures } = scene;
  const server = new Server({ app: "log-app.ts", folder: scene.folder });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const readers = READERS.map((kind) => new Reader(scene, { kind, url: proxy.url, types: ["load.*"] }));
  const clients = CLIENTS.map((kind) => new Client(scene, { kind, url: proxy.url, types: TYPES, atOnce: 4 }));
  const acknowledged = (): number => clients.reduce((sum, client) => sum + client.acknowledged, 0);

  for (let kill = 0; kill < KILLS; kill++) {
    const until = acknowledged() + chance.upTo(BETWEEN);
    await Promise.race(clients.map(({ child }) => child.until(() => acknowledged() >= until, "it had sent that many")));
    await scene.moment(20);
    // A reader dies now and then, too.
    if (chance.fraction() < 0.3) await chance.oneOf(readers).kill();
    await server.kill();
    figures.kills++;
    if (chance.fraction() < 0.25) {
      // Killed again while it starts.
      server.spawn();
      await scene.moment(700);
      await server.kill();
      figures.kills++;
    }
    await server.start();
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
