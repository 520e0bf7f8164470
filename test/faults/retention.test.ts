import { expect, test } from "vitest";
import { TIMES } from "./chance.ts";
import { type Seen, type Sending, sliceOf } from "./checker.ts";
import { faultyProxy } from "./proxy.ts";
import { acknowledged, Client, END, end, READERS, Reader, Scene } from "./scene.ts";
import { Server } from "./server.ts";

const KILLS = 10 * TIMES;
const BETWEEN = 400;

test("[log.7] [log.9] [subscription.1] kill -9 while the oldest is forgotten: what is left is whole, and nobody misses anything without being told", async () => {
  await using scene = await Scene.open("retention");
  const { chance, figures } = scene;
  const server = new Server({ app: "forgetful-app.ts", folder: scene.folder });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const types = ["load.a", "load.b"];
  const readers = READERS.map((kind) => new Reader(scene, { kind, url: proxy.url, types: ["load.*"], onLoss: "earliest" }));
  const clients = ["http", "frames"].map((kind) => new Client(scene, { kind, url: proxy.url, types }));

  for (let kill = 0; kill < KILLS; kill++) {
    await acknowledged(clients, chance.upTo(BETWEEN));
    await scene.moment(300);
    // Long enough away to be overtaken.
    if (chance.fraction() < 0.5) figures.kills += await chance.oneOf(readers).crash(() => acknowledged(clients, BETWEEN));
    figures.kills += await server.crash(chance);
  }

  await Promise.all(clients.map((client) => client.stop()));
  await end(proxy.url);
  await Promise.all(readers.map((reader) => reader.done()));
  await server.stop();

  const slice = sliceOf(server.file);
  expect(slice.floor).toBeGreaterThan(KILLS * 50);
  scene.judgeLog(slice);
  // What was forgotten is known from the clients' receipts; of what is left, the file says it.
  const sendings = clients.flatMap((client) => client.ledger<Sending>());
  const receipts = new Map(sendings.flatMap((line) => (line.kind === "receipt" ? [[line.id, line.sequence]] : [])));
  const kept = slice.events.filter(({ type }) => types.includes(type));
  const keptSendings = sendings.filter(
    (line) => line.kind === "fault" || (receipts.get(line.id) ?? Number.POSITIVE_INFINITY) > slice.floor,
  );
  scene.judgeSendings(keptSendings, kept);
  for (const reader of readers) {
    const lines = reader.lines();
    const seen = new Map(lines.flatMap((line) => (line.kind === "event" ? [[line.event.sequence, line.event] as const] : [])));
    const forgotten = sendings.flatMap((line): Seen[] => {
      const sequence = line.kind === "try" ? receipts.get(line.id) : undefined;
      if (line.kind !== "try" || sequence === undefined || sequence > slice.floor) return [];
      // The rest of its envelope nobody else has written down.
      return [{ ...(seen.get(sequence) ?? { timestamp: 0, cursor: "" }), id: line.id, type: line.type, data: line.data, sequence }];
    });
    const followed = [...forgotten, ...slice.events.filter(({ type }) => types.includes(type) || type === END)];
    scene.judgeReader(reader, followed, { forgetful: true });
  }
});
