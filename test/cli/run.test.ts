import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Command, nexus } from "./nexus.ts";
import { shop } from "./shop.ts";

test("[run.6] a run's result is alone on standard output; its steps, notifications and end are told beside it", async () => {
  await using server = await shop();
  const { code, stdout, stderr } = await nexus(["run", "import-orders", "-i", "file=orders.csv"], { url: server.url });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ imported: 997, inputs: { file: "orders.csv", limit: 100 } });
  const [run] = (await server.get("/runs")).runs;
  const lines = stderr.split("\n");
  expect(lines[0]).toBe(`import-orders  run ${run.runId.slice(-6)}`);
  expect(lines.map((line) => line.replace(/\d+(\.\d)? m?s$/, "TIME"))).toEqual([
    lines[0],
    "  ✔ read    TIME",
    "  57 %",
    "  ! row.rejected  line 412: 2 columns, not 3",
    "  ✔ write   TIME",
    "✔ completed in TIME",
    "",
  ]);
  expect(run.channel).toBe("cli");
});

test("[run.6] in JSON a run is what the API answers for the same call, and nothing else is said", async () => {
  await using server = await shop();
  const { code, stdout, stderr } = await nexus(["run", "import-orders", "-i", "file=a", "--output", "json"], { url: server.url });
  expect([code, stderr]).toEqual([0, ""]);
  const answer = await server.post("/workflows/import-orders/execute", { inputs: { file: "a" } });
  const varying = { runId: expect.any(String), durationMs: expect.any(Number), cursor: expect.any(String) };
  expect(JSON.parse(stdout)).toEqual({ ...answer, ...varying });
  const events = await server.get(`/events?after=${JSON.parse(stdout).cursor}&limit=1`);
  expect(events.events[0]).toMatchObject({ type: "workflow.started", runId: JSON.parse(stdout).runId });
});

test("[run.6] a failed run exits 1 and says where it failed, and what to look at", async () => {
  await using server = await shop();
  const { code, stdout, stderr } = await nexus(["run", "failing"], { url: server.url });
  expect([code, stdout]).toEqual([1, ""]);
  const [run] = (await server.get("/runs")).runs;
  expect(stderr).toMatch(/^ {2}↻ write +try 1: EACCES: permission denied/m);
  expect(stderr).toContain("✖ failed in step write after 2 tries: EACCES: permission denied, open 'orders.json'\n");
  expect(stderr).toContain(`nexus runs show ${run.runId.slice(-6)}`);
});

test("[run.6] in JSON a failed run is the problem that the API answers", async () => {
  await using server = await shop();
  const { code, stdout, stderr } = await nexus(["run", "failing", "--output", "json"], { url: server.url });
  expect([code, stderr]).toEqual([1, ""]);
  const { error, detail: _detail, ...answer } = await server.post("/workflows/failing/execute", { inputs: {} });
  const problem = JSON.parse(stdout);
  expect(problem).toMatchObject({ ...answer, runId: expect.any(String), cursor: expect.any(String) });
  expect(problem.error).toMatchObject({ name: error.name, message: error.message, code: "EACCES", step: "write" });
});

test("inputs are read as the schema says: a number where it says number, text where it says text", async () => {
  await using server = await shop();
  const args = ["-i", "file=5", "-i", "limit=5", "-i", "fast=true", "-i", "tags=a", "-i", "tags=7", "-i", "zip=00123"];
  const { stdout } = await nexus(["run", "import-orders", ...args], { url: server.url });
  expect(JSON.parse(stdout).inputs).toEqual({ file: "5", limit: 5, fast: true, tags: ["a", "7"], zip: "00123" });
  const list = await nexus(["run", "import-orders", "-i", "file=x", "-i", 'tags=["a","b"]'], { url: server.url });
  expect(JSON.parse(list.stdout).inputs.tags).toEqual(["a", "b"]);
});

test("inputs come from files and from standard input, and -i is laid over --inputs", async () => {
  await using server = await shop();
  const folder = await mkdtemp(join(tmpdir(), "nexus-cli-"));
  const [text, whole] = [join(folder, "text"), join(folder, "whole.json")];
  await writeFile(text, "line 1\nline 2");
  await writeFile(whole, '{"file":"whole","limit":3}');
  const inputs = async (args: readonly string[], input = ""): Promise<unknown> =>
    JSON.parse((await nexus(["run", "import-orders", ...args], { url: server.url, input })).stdout).inputs;
  expect(await inputs(["-i", `file=@${text}`])).toEqual({ file: "line 1\nline 2", limit: 100 });
  expect(await inputs(["-i", "file=@@ann"])).toEqual({ file: "@ann", limit: 100 });
  expect(await inputs(["--inputs", `@${whole}`, "-i", "limit=4"])).toEqual({ file: "whole", limit: 4 });
  expect(await inputs(["--inputs", "-"], '{"file":"piped"}')).toEqual({ file: "piped", limit: 100 });
  await rm(folder, { recursive: true });
});

test("[run.7] inputs that do not fit exit 2, name each fault and a likely slip, and make no run", async () => {
  await using server = await shop();
  const { code, stdout, stderr } = await nexus(["run", "import-orders", "-i", "fil=orders.csv"], { url: server.url });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toBe("✖ inputs do not fit import-orders\n    file  is required        (there is fil: did you mean file?)\n");
  const wrong = await nexus(["run", "import-orders", "-i", "file=a", "-i", "limit=many", "--output", "json"], { url: server.url });
  expect(wrong.code).toBe(2);
  expect(JSON.parse(wrong.stdout)).toMatchObject({ code: "INPUT_INVALID", status: 422, retryable: false, faults: [{ path: "limit" }] });
  expect((await server.get("/runs")).runs).toEqual([]);
});

test.each([
  [["import-orders", "-i", "file"], /"file" is not key=value/],
  [["import-orders", "-i", "file=@/does/not/exist"], /no such file/],
  [["import-orders", "-i", "file=a", "-i", "file=b"], /given twice/],
  [["import-orders", "--inputs", "{"], /is not JSON/],
  [["import-orders", "--inputs", "[1]"], /is not a JSON object/],
  [["import-orders", "--inputs", '{"limit":1e400}'], /a number in it is too large/],
  [["import-ordes"], /did you mean import-orders/i],
])("run %j is wrong usage, and makes no run", async (args, words) => {
  await using server = await shop();
  const { code, stdout, stderr } = await nexus(["run", ...args], { url: server.url });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(words);
  expect((await server.get("/runs")).runs).toEqual([]);
});

test("[run.3] Ctrl-C asks the server to cancel the run, which then exits 1", async () => {
  await using server = await shop();
  await using command = new Command(["run", "endless"], { url: server.url });
  await command.said(/run \w{6}/);
  command.signal("SIGINT");
  const { code, stdout, stderr } = await command.ended;
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^✖ cancelled after /m);
  const [run] = (await server.get("/runs")).runs;
  expect(run).toMatchObject({ status: "cancelled", reason: "Ctrl-C" });
});

test("[run.3] Ctrl-C typed in a terminal does the same, and in JSON the end is the problem RUN_CANCELLED", async () => {
  await using server = await shop();
  await using command = new Command(["run", "endless", "--output", "json"], { url: server.url, terminal: true });
  await expect.poll(async () => (await server.get("/runs")).runs[0]?.status, { timeout: 20_000 }).toBe("running");
  command.type("\u0003");
  const { code, stdout } = await command.ended;
  expect(code).toBe(1);
  expect(JSON.parse(stdout.slice(stdout.indexOf("{")))).toMatchObject({ code: "RUN_CANCELLED", reason: "Ctrl-C" });
  expect((await server.get("/runs")).runs[0].status).toBe("cancelled");
});

test("a terminal has a progress bar and colours; NO_COLOR leaves the bar", async () => {
  await using server = await shop();
  const args = ["run", "import-orders", "-i", "file=a"];
  const { code, stdout } = await nexus(args, { url: server.url, terminal: true });
  expect(code).toBe(0);
  expect(stdout).toContain("███████████░░░░░░░░░  57 %");
  expect(stdout).toContain("\u001b[32m✔\u001b[39m");
  const plain = await nexus(args, { url: server.url, terminal: true, env: { NO_COLOR: "1" } });
  expect(plain.stdout).toContain("███████████░░░░░░░░░  57 %");
  expect(plain.stdout).not.toMatch(/\p{Cc}\[\d+m/u);
});

test("[event.6] a broadcast is told as a notification while a run goes on", async () => {
  await using server = await shop();
  await using command = new Command(["run", "endless"], { url: server.url });
  await command.said(/run \w{6}/);
  await server.app.broadcastEvent("MAINTENANCE", { type: "notification", message: "down at noon" });
  await server.app.emitEvent("not.for.everyone", {});
  await command.said(/^ {2}! MAINTENANCE {2}type notification: down at noon$/m);
  expect(command.stderr).not.toContain("not.for.everyone");
});

test("[event.6] nothing that came from an event reaches the terminal as a control character", async () => {
  await using server = await shop();
  const { stdout, stderr } = await nexus(["run", "hostile"], { url: server.url });
  expect(stderr).toContain("  ! evil.word  red gnp.exe second\n");
  expect(JSON.parse(stdout)).toEqual({ said: "\u001b[2J\u009b31m\u202e" });
  const tail = await nexus(["events", "list", "--type", "evil.word,workflow.completed"], { url: server.url });
  const json = await nexus(["events", "list", "--output", "json"], { url: server.url });
  for (const text of [stdout, stderr, tail.stdout, json.stdout])
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
});
