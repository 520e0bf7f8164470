import { memoryStore, Nexus } from "nexus-event-system";
import { expect, test } from "vitest";
import { Peer } from "./fixtures/peer.ts";
import { serve, silent } from "./fixtures/site.ts";
import { Stream } from "./fixtures/stream.ts";
import { WORKFLOWS } from "./fixtures/workflows.ts";

test("[app.3] a stop during a run and open streams: the run is not failed, its caller is told 202, streams are told to come back", async () => {
  const store = memoryStore();
  await using site = await serve({ store, workflows: WORKFLOWS });
  await using stream = await Stream.open(`${site.url}/events/stream?after=earliest`);
  const executed = site.post("/workflows/endless/execute");
  for (let type = ""; type !== "step.started"; type = (await stream.next()).data.type);
  expect(await site.app.stop({ deadlineMs: 0 })).toMatchObject({ runsLeft: 1 });
  expect(await executed).toMatchObject({ status: 202, body: { status: "running" } });
  const types: string[] = [];
  for (let raw = await stream.frame(); raw.event !== "problem"; raw = await stream.frame())
    if (raw.event === undefined) types.push(raw.data.type);
  expect(types).toEqual([]);
});

test("[app.3] while it drains, streams go on and new calls are told to come back", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using stream = await Stream.open(`${site.url}/events/stream?type=n`);
  await stream.next("checkpoint");
  const run = await site.app.startRun("endless");
  const stopped = site.app.stop({ deadlineMs: 60_000 });
  const answer = await site.app.fetch(new Request("http://localhost/workflows"));
  expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ code: "SERVER_STOPPING", retryable: true })]);
  expect((await site.app.fetch(new Request("http://localhost/healthz"))).status).toBe(200);
  expect((await site.app.fetch(new Request("http://localhost/readyz"))).status).toBe(503);
  await site.app.emitEvent("n", "still here");
  expect((await stream.next()).data.data).toBe("still here");
  await run.cancel();
  await stopped;
  expect((await stream.next("problem")).data.code).toBe("SERVER_STOPPING");
});

test("[app.3] stop is idempotent, and what is called after it is APP_STOPPED", async () => {
  const app = new Nexus({ store: memoryStore(), logger: silent, workflows: WORKFLOWS });
  await app.start({ port: 0 });
  const [one, two] = await Promise.all([app.stop(), app.stop()]);
  expect(one).toEqual(two);
  for (const call of [
    () => app.emitEvent("a", 1),
    () => app.getEvents(),
    () => app.execute("double", { n: 1 }),
    () => app.open(),
    () => app.start({ port: 0 }),
  ])
    await expect(call()).rejects.toMatchObject({ code: "APP_STOPPED" });
});

test("[app.3] after stop nothing listens, and a WebSocket is closed even when its peer does not answer", async () => {
  const site = await serve();
  await using peer = await Peer.open(site.url);
  peer.socket.pause();
  await site.app.stop({ deadlineMs: 0 });
  await expect(fetch(`${site.url}/healthz`)).rejects.toThrow();
});

test("[app.3] a stop with nothing under way does not wait for connections that are kept alive", async () => {
  const site = await serve();
  await site.get("/workflows");
  await using stream = await Stream.open(`${site.url}/events/stream`);
  await stream.next("checkpoint");
  const before = performance.now();
  await site.app.stop();
  expect(performance.now() - before).toBeLessThan(900);
});

test("[app.3] leaving the block of an app that was started stops it", async () => {
  let url = "";
  {
    await using app = new Nexus({ store: memoryStore(), logger: silent });
    ({ url = "" } = await app.start({ port: 0 }));
  }
  await expect(fetch(`${url}/healthz`)).rejects.toThrow();
});
