import { expect, test } from "vitest";
import { Command } from "./nexus.ts";
import { Served } from "./served.ts";

test("[subscription.2] a tail goes on over kill -9 and a restart of the server: each event once and in order", async () => {
  await using server = await Served.open();
  await using tail = new Command(["events", "tail", "--type", "count", "--output", "json"], { url: server.url });
  await tail.said(/── live at/);
  for (const n of [1, 2]) await server.post("/events", { type: "count", data: { n } });
  await tail.until(() => tail.values.length === 2, "2 events");
  await server.kill();
  await tail.said(/ {3}connection lost, trying again in \d\.\d s …/);
  await server.start();
  await tail.said(/ {3}back, nothing missed/);
  await server.post("/events", { type: "count", data: { n: 3 } });
  await tail.until(() => tail.values.length === 3, "3 events");
  expect(tail.values.map(({ event }) => event.data.n)).toEqual([1, 2, 3]);
});

test("in a terminal the loss and the return stand on one line", async () => {
  await using server = await Served.open();
  await using tail = new Command(["events", "tail"], { url: server.url, terminal: true });
  await tail.said(/── live at/);
  await server.kill();
  await tail.said(/connection lost/);
  await server.start();
  await tail.said(/^.*\p{Cc}\[K {3}connection lost, trying again in \d+\.\d s … back, nothing missed\r?$/mu);
  tail.type("\u0003");
  const { code, stdout } = await tail.ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/go on later with: nexus events tail --after \S+\r?\n$/);
});

test("[run.2] a run that is watched goes on over kill -9: its finished step is not done again, and its result arrives", async () => {
  await using server = await Served.open();
  await using run = new Command(["run", "long"], { url: server.url });
  await run.said(/✔ first/);
  await server.kill();
  await run.said(/connection lost/);
  await server.start();
  await run.said(/back, nothing missed/);
  await server.post("/events", { type: "go", data: {} });
  const { code, stdout, stderr } = await run.ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ went: true });
  expect(stderr.match(/✔ first/g)).toHaveLength(1);
});

test("Ctrl-C while the server is away leaves the run, and says so with exit code 75", async () => {
  await using server = await Served.open();
  await using run = new Command(["run", "long"], { url: server.url });
  await run.said(/✔ first/);
  await server.kill();
  await run.said(/connection lost/);
  run.signal("SIGINT");
  const { code, stdout, stderr } = await run.ended;
  expect([code, stdout]).toEqual([75, ""]);
  expect(stderr).toMatch(/run \w{6} was not cancelled, and goes on/);
});
