import { expect, test } from "vitest";
import { TIMES } from "./chance.ts";
import { linesOf, sliceOf } from "./checker.ts";
import { checkDeliveries, type Try } from "./checker-deliveries.ts";
import { Child } from "./child.ts";
import { faultyProxy } from "./proxy.ts";
import { acknowledged, Client, END, end, fixture, Scene } from "./scene.ts";
import { Server } from "./server.ts";

const KILLS = 12 * TIMES;
const BETWEEN = 150;

test("[consumer.1] [consumer.2] [sink.1] kill -9 of consumers whose targets fail: all arrives, in the order of the log, and again only what could not be written down", async () => {
  await using scene = await Scene.open("consumers");
  const { chance, figures } = scene;
  const target = new Child([fixture("target.ts"), scene.folder], { log: scene.path("target.log") });
  await target.until(() => target.messages.length > 0, "it listened");
  const { port } = target.messages[0] as { readonly port: number };
  const server = new Server({
    app: "consumers-app.ts",
    folder: scene.folder,
    env: { FAULTS_TARGET: `http://127.0.0.1:${port}` },
  });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const clients = ["http", "mcp"].map(
    (kind) => new Client(scene, { kind, url: proxy.url, types: ["load.a", "other", "load.b"], atOnce: 2, pauseMs: 4 }),
  );

  for (let kill = 0; kill < KILLS; kill++) {
    await acknowledged(clients, chance.upTo(BETWEEN));
    if (chance.fraction() < 0.3) target.tell({ awayMs: chance.upTo(300) });
    await scene.moment(100);
    figures.kills += await server.crash(chance);
  }

  await Promise.all(clients.map((client) => client.stop()));
  await end(proxy.url);
  const lags = async (): Promise<number[]> => {
    const { consumers }: any = await (await fetch(`${proxy.url}/consumers`)).json();
    return consumers.map(({ lag }: { lag: number }) => lag);
  };
  await expect.poll(lags, { timeout: 90_000, interval: 100 }).toEqual([0, 0, 0]);
  await server.stop();

  const slice = sliceOf(server.file);
  const events = slice.events.filter(({ type }) => type.startsWith("load.") || type === END);
  expect(events.length).toBeGreaterThan(KILLS * 20);
  scene.judgeLog(slice);
  for (const [consumer, inOrder] of [
    ["orderly", true],
    ["several", false],
    ["kept", true],
  ] as const) {
    const tries = linesOf<Try>(scene.path(`${consumer}.tries`));
    const { found, repeats } = checkDeliveries(tries, { events, killedAt: server.killedAt, inOrder, timeoutMs: 500 });
    figures.readers++;
    figures.repeats += repeats;
    scene.judge(consumer, found, events.length);
  }
});
