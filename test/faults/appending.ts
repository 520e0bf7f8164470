import { expect } from "vitest";
import { sliceOf } from "./checker.ts";
import { faultyProxy } from "./proxy.ts";
import { acknowledged, Client, END, end, READERS, Reader, type Scene } from "./scene.ts";
import { Server } from "./server.ts";

/** So many events are acknowledged between two endings, at most. */
const BETWEEN = 250;
const TYPES = ["load.a", "load.b", "other"];

/** Clients append and readers follow, while the server ends again and again; then all of it is judged. @param ending ends it, and has it back. */
export async function appendThrough(scene: Scene, endings: number, ending: (server: Server) => Promise<void>): Promise<void> {
  const { chance, figures } = scene;
  const server = new Server({ app: "log-app.ts", folder: scene.folder });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const readers = READERS.map((kind) => new Reader(scene, { kind, url: proxy.url, types: ["load.*"] }));
  const clients = ["http", "client", "frames", "mcp"].map((kind) => new Client(scene, { kind, url: proxy.url, types: TYPES }));

  for (let n = 0; n < endings; n++) {
    await acknowledged(clients, chance.upTo(BETWEEN));
    await scene.moment(20);
    // A reader dies now and then, too.
    if (chance.fraction() < 0.3) figures.kills += await chance.oneOf(readers).crash();
    await ending(server);
  }

  await Promise.all(clients.map((client) => client.stop()));
  await end(proxy.url);
  await Promise.all(readers.map((reader) => reader.done()));
  await server.stop();

  const slice = sliceOf(server.file);
  const sent = slice.events.filter(({ type }) => TYPES.includes(type));
  expect(sent.length).toBeGreaterThan(endings * 50);
  scene.judgeLog(slice);
  scene.judgeClients(clients, sent);
  const followed = slice.events.filter(({ type }) => type.startsWith("load.") || type === END);
  for (const reader of readers) scene.judgeReader(reader, followed);
}
