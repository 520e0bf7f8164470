import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { TIMES } from "./chance.ts";
import { checkReader, type Line, linesOf, sliceOf } from "./checker.ts";
import { checkDeliveries, type Try } from "./checker-deliveries.ts";
import { faultyProxy } from "./proxy.ts";
import { acknowledged, Client, END, end, READERS, Reader, Scene } from "./scene.ts";
import { Server } from "./server.ts";

const EVENTS = 800 * TIMES;
const TYPES = ["load.a", "load.b"];

test("[handler.2] [handler.4] [consumer.1] [run.3] code that hangs, throws, rejects and leaks: everyone beside it sees everything, and the server stops in time", async () => {
  await using scene = await Scene.open("careless code");
  // It takes connections, and never says anything.
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as { readonly port: number };
  const server = new Server({
    app: "careless-app.ts",
    folder: scene.folder,
    // As it is by itself: what nobody caught is logged.
    before: ["--unhandled-rejections=throw"],
    env: { FAULTS_TARGET: `http://127.0.0.1:${port}/hook` },
  });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const { url } = proxy;
  const readers = READERS.map((kind) => new Reader(scene, { kind, url, types: ["load.*"] }));
  const clients = ["http", "client", "frames", "mcp"].map((kind) => new Client(scene, { kind, url, types: TYPES, atOnce: 2, pauseMs: 2 }));
  const starter = new Client(scene, {
    kind: "http",
    url,
    types: ["hanging", "good", "rejecting"],
    what: "runs",
    atOnce: 1,
    pauseMs: 30,
  });
  await acknowledged(clients, EVENTS);
  await Promise.all([...clients, starter].map((client) => client.stop()));
  await end(url);
  await Promise.all(readers.map((reader) => reader.done()));
  const consumers = async (): Promise<Record<string, { lag: number; deadLetters: number }>> => {
    const answer: any = await (await fetch(`${url}/consumers`)).json();
    return Object.fromEntries(answer.consumers.map((consumer: { name: string }) => [consumer.name, consumer]));
  };
  await expect
    .poll(async () => Object.values(await consumers()).filter(({ lag }) => lag === 0).length, { timeout: 60_000, interval: 100 })
    .toBe(3);
  const at = await consumers();
  await server.stop();
  silent.close();

  const slice = sliceOf(server.file);
  const sent = slice.events.filter(({ type }) => TYPES.includes(type));
  const followed = slice.events.filter(({ type }) => type.startsWith("load.") || type === END);
  scene.judgeLog(slice);
  scene.judgeClients(clients, sent);
  for (const reader of readers) scene.judgeReader(reader, followed);
  scene.figures.readers += 2;
  scene.judge("the handler", checkReader(linesOf<Line>(scene.path("handler.record")), sent), sent.length);
  const tries = linesOf<Try>(scene.path("kept.tries"));
  scene.judge("kept", checkDeliveries(tries, { events: followed, killedAt: [], inOrder: true, timeoutMs: 30_000 }).found, followed.length);

  // Nothing of what failed is silent, and nothing of it is said twice: two failed each time, and one had 16 calls under way when they were cut off.
  expect(slice.events.filter(({ type }) => type === "handler.failed").length).toBe(2 * sent.length + 16);
  expect(at["throws"]).toMatchObject({ deadLetters: followed.length });
  expect([at["hangs"]?.lag, at["hangs on its target"]?.lag].every((lag) => (lag ?? 0) >= followed.length)).toBe(true);
  const ends = slice.events.filter(({ type }) => type === "workflow.completed" || type === "workflow.failed");
  expect(new Set(ends.map(({ type, workflowName }) => `${String(workflowName)} ${type}`))).toEqual(
    new Set(["good workflow.completed", "rejecting workflow.failed"]),
  );
  expect(await readFile(scene.path("server.log"), "utf8")).toContain("nobody handled it");
});
