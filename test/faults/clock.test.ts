import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { TIMES } from "./chance.ts";
import { linesOf, type Seen, sliceOf } from "./checker.ts";
import { checkDeliveries, type Try } from "./checker-deliveries.ts";
import { faultyProxy } from "./proxy.ts";
import { acknowledged, Client, END, end, fixture, Reader, Scene, unendedRuns } from "./scene.ts";
import { Server } from "./server.ts";

const JUMPS = 14 * TIMES;
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const SPANS = [0.7 * SECOND, 10 * SECOND, HOUR, 24 * HOUR];
const TYPES = ["load.a", "load.b"];
const TTL_MS = 2 * SECOND;
/** Nothing is tried again later than that, whatever the clock says: twice the cap of its pauses, and what a busy machine takes. */
const SOON = { timeout: 20_000, interval: 100 };

test("[log.13] [run.8] [run.3] [consumer.2] [session.2] the wall clock jumps, back and forward, also while nothing runs: times never fall, nothing is due twice, and what is tried again does not wait for a clock", async () => {
  await using scene = await Scene.open("clock");
  const { chance, figures } = scene;
  let aheadMs = 0;
  const server = new Server({
    app: "clock-app.ts",
    folder: scene.folder,
    before: ["--import", fixture("jumping-clock.ts")],
    env: () => ({ FAULTS_CLOCK_MS: String(aheadMs) }),
  });
  await using proxy = await faultyProxy(() => server.port);
  await server.start();
  const { url } = proxy;
  const readers = ["event stream", "client", "long-poll", "MCP wait"].map((kind) => new Reader(scene, { kind, url, types: ["load.*"] }));
  const clients = ["http", "frames"].map((kind) => new Client(scene, { kind, url, types: TYPES, atOnce: 1, pauseMs: 5 }));
  const starter = new Client(scene, { kind: "client", url, types: ["patient"], what: "runs", atOnce: 1, pauseMs: 100 });
  const sessions: string[] = [];

  for (let jump = 0; jump < JUMPS; jump++) {
    await acknowledged(clients, chance.upTo(60));
    sessions.push(await newSession(url));
    await scene.moment(400);
    aheadMs += (chance.fraction() < 0.5 ? -1 : 1) * chance.oneOf(SPANS);
    if (chance.fraction() < 0.6) server.child.tell({ aheadMs });
    else figures.kills += await server.crash(chance);
  }

  await Promise.all([...clients, starter].map((client) => client.stop()));
  await expect.poll(() => unendedRuns(url), SOON).toBe(0);
  await end(url);
  await Promise.all(readers.map((reader) => reader.done()));
  const behind = async (): Promise<number> => ((await (await fetch(`${url}/health`)).json()) as any).consumers.lag;
  await expect.poll(behind, SOON).toBe(0);
  // Ahead of everything it ever was, all sessions are over, and the schedule goes on.
  aheadMs = JUMPS * 24 * HOUR;
  await server.kill();
  await server.start();
  await delay(TTL_MS + 2 * SECOND);
  await server.stop();

  const slice = sliceOf(server.file);
  scene.judgeLog(slice);
  scene.judgeClients(
    clients,
    slice.events.filter(({ type }) => TYPES.includes(type)),
  );
  const followed = slice.events.filter(({ type }) => type.startsWith("load.") || type === END);
  for (const reader of readers) scene.judgeReader(reader, followed);
  const tries = linesOf<Try>(scene.path("kept.tries"));
  const { found, repeats } = checkDeliveries(tries, { events: followed, killedAt: server.killedAt, inOrder: true, timeoutMs: 30_000 });
  figures.readers++;
  figures.repeats += repeats;
  scene.judge("kept", found, followed.length);

  const of = (type: string): readonly Seen[] => slice.events.filter((event) => event.type === type);
  const ticks = of("workflow.started").filter(({ workflowName }) => workflowName === "tick");
  const due = ticks.map(({ metadata }) => JSON.stringify(metadata));
  expect(due.length).toBeGreaterThan(JUMPS);
  expect(due).toEqual([...new Set(due)]);
  const completed = new Set(of("workflow.completed").map(({ runId }) => runId));
  expect(ticks.slice(0, -5).filter(({ runId }) => !completed.has(runId))).toEqual([]);

  const created = new Map(of("session.created").map(({ sessionId, data }) => [sessionId, (data as { endsAt: number }).endsAt]));
  const ended = of("session.ended");
  expect(ended.map(({ sessionId }) => String(sessionId)).toSorted()).toEqual(sessions.toSorted());
  for (const { sessionId, timestamp, data } of ended) {
    expect(timestamp).toBeGreaterThanOrEqual(created.get(sessionId) as number);
    expect((data as { durationMs: number }).durationMs).toBeGreaterThanOrEqual(0);
  }
});

async function newSession(url: string): Promise<string> {
  const response = await fetch(`${url}/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ttlMs: TTL_MS }),
  });
  return ((await response.json()) as { readonly id: string }).id;
}
