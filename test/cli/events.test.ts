import { expect, test } from "vitest";
import { Command, jsonLines, nexus } from "./nexus.ts";
import { shop } from "./shop.ts";

test("events emit records an event, from fields or whole JSON, and its receipt is the result", async () => {
  await using server = await shop();
  const { url } = server;
  const { code, stdout, stderr } = await nexus(["events", "emit", "order.paid", "-d", "orderId=7", "-d", "note=a b", "-d", "zip=007"], {
    url,
  });
  expect(code).toBe(0);
  expect(stderr).toContain("✔ order.paid is event");
  const receipt = JSON.parse(stdout);
  const stored = await server.get(`/events?type=order.paid`);
  expect(stored.events).toMatchObject([{ ...receipt, channel: "cli", data: { orderId: 7, note: "a b", zip: "007" } }]);
  const twice = ["events", "emit", "order.sent", "--data", "-", "--id", "my-id", "--output", "json"];
  const first = await nexus(twice, { url, input: '["any","JSON"]' });
  const again = await nexus(twice, { url, input: '["any","JSON"]' });
  expect(JSON.parse(again.stdout)).toEqual(JSON.parse(first.stdout));
  expect((await server.get("/events?type=order.sent")).events).toMatchObject([{ id: "my-id", data: ["any", "JSON"] }]);
});

test("[event.2] a reserved type is refused with exit 2, and nothing is recorded", async () => {
  await using server = await shop();
  const { code, stdout, stderr } = await nexus(["events", "emit", "workflow.started"], { url: server.url });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("✖");
  expect((await server.get("/events?type=workflow.started")).events).toEqual([]);
});

test("events list is a page of the log; in JSON, what the server answers", async () => {
  await using server = await shop();
  const { url } = server;
  for (const n of [1, 2, 3]) await server.app.emitEvent("count", { n });
  const options = ["--type", "count,none.*", "--channel", "app", "--limit", "2"];
  const { stdout, stderr } = await nexus(["events", "list", ...options], { url });
  expect(stdout.split("\n").map((line) => line.slice(14))).toEqual([
    "app          count               n=2",
    "app          count               n=3",
    "",
  ]);
  const json = await nexus(["events", "list", ...options, "--output", "json"], { url });
  expect(JSON.parse(json.stdout)).toEqual(await server.get("/events?type=count,none.*&channel=app&limit=2"));
  const before = / {2}older: nexus events list .* --before (\S+)/.exec(stderr)?.[1] ?? "";
  expect((await nexus(["events", "list", ...options, "--before", before], { url })).stdout).toContain("n=1");
  const forward = await nexus(["events", "list", "--type", "count", "--after", "earliest", "--limit", "1"], { url });
  const after = / {2}more: nexus events list .* --after (\S+)/.exec(forward.stderr)?.[1] ?? "";
  const newest = await nexus(["events", "list", "--type", "count", "--after", after, "--order", "desc", "--output", "json"], { url });
  expect(JSON.parse(newest.stdout).events.map((event: any) => event.data.n)).toEqual([3, 2]);
});

test("events list takes times, and says clearly what is none", async () => {
  await using server = await shop();
  const { url } = server;
  await server.app.emitEvent("count", { n: 1 });
  const [event] = (await server.get("/events?type=count")).events;
  const counted = async (...args: string[]): Promise<number> =>
    JSON.parse((await nexus(["events", "list", "--type", "count", "--output", "json", ...args], { url })).stdout).events.length;
  expect(await counted("--since", new Date(event.timestamp).toISOString())).toBe(1);
  expect(await counted("--until", String(event.timestamp))).toBe(0);
  const wrong = await nexus(["events", "list", "--since", "yesterday"], { url });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("since");
});

test("events list --run takes the ending of a run's id", async () => {
  await using server = await shop();
  const { runId } = await server.post("/workflows/import-orders/execute", { inputs: { file: "a" } });
  const { stdout } = await nexus(["events", "list", "--run", runId.slice(-5), "--output", "json"], { url: server.url });
  const { events } = JSON.parse(stdout);
  expect(events.length).toBeGreaterThan(4);
  expect(new Set(events.map((event: any) => event.runId))).toEqual(new Set([runId]));
});

test("[subscription.6] tail tells the same events as the API, history and live without a seam, until Ctrl-C says how to go on", async () => {
  await using server = await shop();
  const { url } = server;
  for (const n of [1, 2]) await server.app.emitEvent("count", { n });
  await using command = new Command(["events", "tail", "--type", "count", "--after", "earliest", "--output", "json"], { url });
  await command.said(/── live at \S+ ──/);
  for (const n of [3, 4]) await server.app.emitEvent("count", { n });
  await command.until(() => command.values.length === 4, "4 events");
  const { events } = await server.get("/events?type=count&after=earliest");
  expect(command.values).toEqual(events.map((event: any) => ({ cursor: event.cursor, event })));
  command.signal("SIGINT");
  const { code, stderr } = await command.ended;
  expect(code).toBe(0);
  expect(stderr).toContain(`  go on later with: nexus events tail --type count --output json --after ${events[3].cursor}`);
  await server.app.emitEvent("count", { n: 5 });
  await using later = new Command(["events", "tail", "--type", "count", "--output", "json", "--after", events[3].cursor], { url });
  await later.until(() => later.values.length === 1, "the next event");
  expect(later.values[0].event.data).toEqual({ n: 5 });
});

test("[event.6] tail includes broadcasts, marked, and no other event that does not match", async () => {
  await using server = await shop();
  await using command = new Command(["events", "tail", "--type", "count"], { url: server.url });
  await command.said(/── live at/);
  await server.app.emitEvent("other", {});
  await server.app.broadcastEvent("MAINTENANCE", { message: "down at noon" });
  await server.app.emitEvent("count", { n: 1 });
  await command.said(/count +n=1\n/);
  expect(command.stdout.split("\n").map((line) => line.slice(14))).toEqual([
    'app          ! MAINTENANCE       message="down at noon"',
    "app          count               n=1",
    "",
  ]);
});

test("tail shows runs in the columns of every event", async () => {
  await using server = await shop();
  const { runId } = await server.post("/workflows/import-orders/execute", { inputs: { file: "orders.csv" } });
  const tail = await (async () => {
    await using command = new Command(
      ["events", "tail", "--run", runId, "--type", "workflow.started,workflow.completed,row.*", "--after", "earliest"],
      { url: server.url },
    );
    await command.said(/── live at/);
    return command.stdout;
  })();
  const id = runId.slice(-6);
  const [started, rejected, completed] = tail.split("\n");
  expect(started).toMatch(
    new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3} {2}api {2}${id} {2}workflow\\.started {4}import-orders {2}file=orders\\.csv$`),
  );
  expect(rejected?.slice(14)).toBe(`api  ${id}  row.rejected        line=412 reason="2 columns, not 3"`);
  expect(completed).toMatch(/workflow\.completed {2}import-orders {2}\d+ m?s {2}imported=997 inputs=/);
});

test("a reader that takes only the head ends the tail, quietly", async () => {
  await using server = await shop();
  for (let n = 0; n < 50; n++) await server.app.emitEvent("count", { n });
  await using command = new Command(["events", "tail", "--after", "earliest", "--output", "json"], { url: server.url });
  await command.until(() => command.stdout.includes("\n"), "a line");
  command.closeOutput();
  await server.app.emitEvent("count", { n: 50 });
  const { code, stderr } = await command.ended;
  expect(code).toBe(0);
  expect(stderr).not.toMatch(/EPIPE|Error|^ +at /m);
});

test("a place that is not of this log is said to be missing, not skipped in silence", async () => {
  await using server = await shop();
  await using command = new Command(["events", "tail", "--after", "zzzzzzzzzz.5"], { url: server.url });
  await command.said(/events are missing: zzzzzzzzzz\.5 belongs to another history of the log; going on from \S+/);
  const wait = await nexus(["events", "wait", "--after", "zzzzzzzzzz.5", "--output", "json"], { url: server.url });
  expect(wait.code).toBe(1);
  expect(JSON.parse(wait.stdout)).toMatchObject({ code: "CURSOR_UNKNOWN", cursor: "zzzzzzzzzz.5" });
});

test("wait ends with the first event that matches", async () => {
  await using server = await shop();
  await using command = new Command(["events", "wait", "--type", "order.*", "--output", "json"], { url: server.url });
  // With JSON it says nothing while it waits: events are emitted until one comes after its place.
  const emitting = setInterval(() => void server.app.emitEvent("order.paid", { orderId: 7 }), 50);
  const { code, stdout } = await command.ended.finally(() => clearInterval(emitting));
  expect(code).toBe(0);
  expect(jsonLines(stdout)).toMatchObject([{ cursor: expect.any(String), event: { type: "order.paid", data: { orderId: 7 } } }]);
});

test("wait says from where it waits, and exits 75 when nothing came in time", async () => {
  await using server = await shop();
  await using waiting = new Command(["events", "wait", "--type", "order.paid"], { url: server.url });
  await waiting.said(/── waiting from \S+ ──/);
  await server.app.broadcastEvent("MAINTENANCE", {});
  await server.app.emitEvent("order.paid", { orderId: 7 });
  const { code, stdout } = await waiting.ended;
  expect(code).toBe(0);
  expect(stdout).toContain("orderId=7");
  const none = await nexus(["events", "wait", "--type", "order.paid", "--wait-ms", "300"], { url: server.url });
  expect([none.code, none.stdout]).toEqual([75, ""]);
});
