import { expect, test } from "vitest";
import { TIMES } from "./chance.ts";
import { linesOf, sliceOf } from "./checker.ts";
import { checkRuns, type Effect, type Start } from "./checker-runs.ts";
import { faultyProxy } from "./proxy.ts";
import { acknowledged, Client, END, end, Reader, Scene, unendedRuns } from "./scene.ts";
import { Server } from "./server.ts";

const KILLS = 12 * TIMES;
/** So many runs are started between two kills, at most. */
const BETWEEN = 16;

test("[run.1] [run.2] [run.4] [run.10] [run.11] kill -9 during runs of many steps: each is completed once, and no step that was finished runs again", async () => {
  await using scene = await Scene.open("runs");
  const { chance, figures } = scene;
  const server = new Server({ app: "runs-app.ts", folder: scene.folder });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const readers = ["event stream", "client", "MCP wait"].map(
    (kind) => new Reader(scene, { kind, url: proxy.url, types: ["workflow.*", "step.*", "made"] }),
  );
  const clients = ["http", "client", "frames", "mcp"].map(
    (kind) => new Client(scene, { kind, url: proxy.url, types: ["many-steps"], what: "runs", atOnce: 1, pauseMs: 120 }),
  );

  for (let kill = 0; kill < KILLS; kill++) {
    await acknowledged(clients, chance.upTo(BETWEEN));
    await scene.moment(200);
    figures.kills += await server.crash(chance);
  }

  await Promise.all(clients.map((client) => client.stop()));
  await expect.poll(() => unendedRuns(proxy.url), { timeout: 60_000, interval: 100 }).toBe(0);
  await end(proxy.url);
  await Promise.all(readers.map((reader) => reader.done()));
  await server.stop();

  const { events, floor } = sliceOf(server.file);
  scene.judgeLog({ events, floor });
  const starts = clients.flatMap((client) => client.ledger<Start>());
  expect(starts.length).toBeGreaterThan(KILLS * 8);
  scene.judge("runs", checkRuns("many-steps", starts, linesOf<Effect>(scene.path("effects")), events), events.length);
  const followed = events.filter(({ type }) => /^(?:workflow|step)\./.test(type) || type === "made" || type === END);
  for (const reader of readers) scene.judgeReader(reader, followed);
});
