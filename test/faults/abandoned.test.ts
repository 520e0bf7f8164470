import { expect, test } from "vitest";
import { Child } from "./child.ts";
import { gauge, mostDescriptors } from "./gauging.ts";
import { fixture, Scene } from "./scene.ts";
import { Server } from "./server.ts";

/** As many as a process here may have, with some room for what else it has open. */
const SOCKETS = Math.min(10_000, mostDescriptors() - 500);
/** In each row of eight: an event stream, a WebSocket, and one that has subscribed. */
const STREAMS = Array.from({ length: SOCKETS }, (_, n) => [1, 3, 7].includes(n % 8)).filter(Boolean).length;
/** Those that only the end of their client ends: the others do not say in time what they want. */
const PATIENCE = { timeout: 120_000, interval: 250 };

test("[access.5] [subscription.4] sockets by the thousand, opened and abandoned: nothing of them is left, whether their client is gone or they never say what they want", async () => {
  await using scene = await Scene.open("sockets abandoned");
  const server = new Server({ app: "impatient-app.ts", folder: scene.folder, before: ["--expose-gc"] });
  await server.start();
  const health = async (): Promise<any> => (await fetch(`${server.url}/health`)).json();
  const opened = async (sockets: number): Promise<Child> => {
    const client = new Child([fixture("abandoning.ts"), JSON.stringify({ port: server.port, sockets })], { log: scene.path("client.log") });
    await client.until(() => client.messages.includes("all open"), "all were open");
    scene.figures.sockets += sockets;
    return client;
  };
  const gone = async (descriptors: number): Promise<void> => {
    await expect.poll(async () => (await health()).streams, PATIENCE).toBe(0);
    // A few for the calls of this test.
    await expect.poll(async () => (await gauge(server)).descriptors, PATIENCE).toBeLessThanOrEqual(descriptors + 5);
  };

  // Once before: what is made at first use is no leak.
  const first = await opened(200);
  first.kill();
  await gone((await gauge(server)).descriptors - 200);
  const before = await gauge(server);

  const killed = await opened(SOCKETS);
  expect((await health()).streams).toBe(STREAMS);
  const most = await gauge(server);
  killed.kill();
  await gone(before.descriptors);
  const after = await gauge(server);

  const silent = await opened(SOCKETS);
  // The server lets go whoever has said nothing, or half of something; streams go on.
  await expect.poll(async () => (await gauge(server)).descriptors, PATIENCE).toBeLessThanOrEqual(before.descriptors + STREAMS + 5);
  expect((await health()).streams).toBe(STREAMS);
  expect((await health()).counters.problems_request_timeout).toBeGreaterThanOrEqual(SOCKETS - STREAMS);
  silent.kill();
  await gone(before.descriptors);
  const last = await gauge(server);
  await server.stop();

  scene.measured({
    "heap before, MB": before.heapMb,
    "heap with all open, MB": most.heapMb,
    "heap after, MB": last.heapMb,
    "resident before, MB": before.rssMb,
    "resident with all open, MB": most.rssMb,
    "resident after, MB": last.rssMb,
    "event loop held up at most, ms": Math.max(most.delayMs.most, after.delayMs.most, last.delayMs.most),
  });
  for (const left of [after, last]) {
    expect(left.heapMb).toBeLessThan(before.heapMb + 24);
    const { TCPSocketWrap: sockets = 0, Timeout: timers = 0 } = left.resources;
    expect([sockets, timers].every((count) => count <= 10)).toBe(true);
  }
  // The second time takes what the first has left free.
  expect(last.rssMb).toBeLessThan(after.rssMb + 100);
}, 300_000);
