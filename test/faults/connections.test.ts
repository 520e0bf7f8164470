import { expect, test } from "vitest";
import { type Chance, TIMES } from "./chance.ts";
import { sliceOf } from "./checker.ts";
import { type Fate, faultyProxy } from "./proxy.ts";
import { acknowledged, Client, END, end, READERS, Reader, Scene } from "./scene.ts";
import { Server } from "./server.ts";

const EVENTS = 3_000 * TIMES;
const TYPES = ["load.a", "load.b", "other"];

test("[subscription.2] [subscription.6] [client.2] [mcp.2] [mcp.4] [log.3] connections that are cut, halved, held up and slow: whatever way one follows, one sees the log, and what was sent is recorded once", async () => {
  await using scene = await Scene.open("connections");
  const { chance, figures } = scene;
  const server = new Server({ app: "log-app.ts", folder: scene.folder });
  await server.start();
  await using proxy = await faultyProxy(
    () => server.port,
    () => fateOf(chance),
  );
  const readers = READERS.map((kind) => new Reader(scene, { kind, url: proxy.url, types: ["load.*"] }));
  const clients = ["http", "client", "frames", "mcp"].map(
    (kind) => new Client(scene, { kind, url: proxy.url, types: TYPES, atOnce: 3, pauseMs: 2 }),
  );
  await acknowledged(clients, EVENTS);
  await Promise.all(clients.map((client) => client.stop()));
  await end(server.url);
  await Promise.all(readers.map((reader) => reader.done()));
  figures.cuts = proxy.cuts;
  await server.stop();

  const slice = sliceOf(server.file);
  const sent = slice.events.filter(({ type }) => TYPES.includes(type));
  scene.judgeLog(slice);
  scene.judgeClients(clients, sent);
  const followed = slice.events.filter(({ type }) => type.startsWith("load.") || type === END);
  for (const reader of readers) scene.judgeReader(reader, followed);
  expect(proxy.cuts).toBeGreaterThan(EVENTS / 20);
});

/** Everyone is cut somewhere: in a head, in a frame, between two; some after they were slow. */
function fateOf({ fraction, upTo }: Chance): Fate {
  const draw = fraction();
  // Many of the answers are larger than 40,000 bytes: whoever is always cut before has no chance.
  const afterBytes = upTo(fraction() < 0.25 ? 400 : 250_000);
  if (draw < 0.6) return { kind: "is cut", afterBytes };
  if (draw < 0.75) return { kind: "is halved", afterBytes, forMs: upTo(400) };
  if (draw < 0.9) return { kind: "is held up", afterBytes, forMs: upTo(800) };
  return { kind: "is slow", pieceBytes: 100 + upTo(1_000), delayMs: upTo(3), afterBytes };
}
