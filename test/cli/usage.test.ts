import { expect, test } from "vitest";
import { nexus } from "./nexus.ts";
import { shop } from "./shop.ts";

/** Nothing listens there: so low a port needs rights that nobody has without being asked. */
const NOWHERE = "http://127.0.0.1:2";

test("help names every command there is, and none that is not", async () => {
  const { code, stdout, stderr } = await nexus(["--help"]);
  expect([code, stderr]).toEqual([0, ""]);
  for (const command of [
    "start",
    "mcp [--app app.ts]",
    "workflows",
    "run NAME",
    "runs show",
    "runs cancel",
    "events tail",
    "events list",
    "events wait",
    "events emit",
    "sessions create",
    "event-types",
    "schedules",
    "consumers",
    "dead-letters",
    "backup",
    "restore",
    "verify",
    "doctor",
  ]) {
    expect(stdout).toContain(command);
  }
  expect(stdout).not.toMatch(/promote/);
});

test("without a command the help goes to standard error, and that is wrong usage", async () => {
  for (const args of [[], ["events"]]) {
    const { code, stdout, stderr } = await nexus(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("tail");
  }
});

test.each([
  [["runz"], /unknown command 'runz'/],
  [["verifi", "--help"], /unknown command 'verifi'\s+\(Did you mean verify\?\)/],
  [["runs", "shwo", "--help"], /unknown command 'shwo'\s+\(Did you mean show\?\)/],
  [["runz --output json"], /unknown command 'runz --output json'/],
  [["\u001b[31mrunz\u0007"], /unknown command 'runz'/],
  [["runs", "--frequency", "1"], /unknown option '--frequency'/],
  [["events", "list", "--limit", "0"], /limit/],
  [["events", "list", "--order", "up"], /asc, desc/],
  [["workflows", "--output", "yaml"], /text, json/],
  [["start", "--hot"], /unknown option '--hot'/],
  [["workflows", "--url", "ftp://x"], /not an http or https address/],
  [["runs", "show"], /missing required argument.*\n {2}nexus runs show --help/],
  [["runs", "--nonsense"], /unknown option.*\n {2}nexus runs --help/],
  [["--nonsense"], /unknown option.*\n {2}nexus --help/],
  [["run"], /which workflow/],
])("%j is wrong usage: exit 2, said on standard error", async (args, words) => {
  const { code, stdout, stderr } = await nexus(args, { url: NOWHERE });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(words);
});

test("wrong usage with --output json is one problem document on standard output, and nothing else", async () => {
  const { code, stdout, stderr } = await nexus(["runs", "--frequency", "1", "--output", "json"]);
  expect([code, stderr]).toEqual([2, ""]);
  expect(JSON.parse(stdout)).toMatchObject({ code: "OPTION_INVALID", status: 422, retryable: false });
});

test("where no server answers the exit code is 75, and the words say what to do", async () => {
  const { code, stdout, stderr } = await nexus(["workflows"], { url: NOWHERE });
  expect([code, stdout]).toEqual([75, ""]);
  expect(stderr).toMatch(/No server answers at http:\/\/127\.0\.0\.1:2 \(ECONNREFUSED\)/);
  expect(stderr).toContain("nexus start");
  const json = await nexus(["events", "tail", "--output", "json"], { url: NOWHERE });
  expect(json.code).toBe(75);
  expect(JSON.parse(json.stdout)).toMatchObject({ code: "SERVER_UNREACHABLE", retryable: true });
});

test("a server that is not Nexus is told apart from none", async () => {
  const { createServer } = await import("node:http");
  const other = createServer((_request, response) => response.end("<html>")).listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  try {
    const { code, stderr } = await nexus(["workflows"], { url: `http://127.0.0.1:${(other.address() as { port: number }).port}` });
    expect(code).toBe(2);
    expect(stderr).toContain("not as a Nexus server does");
  } finally {
    other.close();
  }
});

test("--url wins over NEXUS_URL, before the command or after it", async () => {
  await using server = await shop();
  for (const args of [
    ["--url", server.url, "workflows"],
    ["workflows", "--url", `${server.url}/`],
  ]) {
    expect((await nexus(args, { url: NOWHERE })).code).toBe(0);
  }
});

test("workflows lists what can be run; with a name, its inputs; in JSON, what the server answers", async () => {
  await using server = await shop();
  const { url } = server;
  const list = await nexus(["workflows"], { url });
  expect(list.stdout).toMatch(/^import-orders {2}Import orders from a file {2}file, limit\?, fast\?, tags\?, zip\?$/m);
  const one = await nexus(["workflows", "import-orders"], { url });
  expect(one.stdout).toMatch(/^ {2}file +text +required +the file to read$/m);
  expect(one.stdout).toMatch(/^ {2}limit +integer +default 100$/m);
  expect(one.stdout).toContain("nexus run import-orders -i file=…");
  expect(JSON.parse((await nexus(["workflows", "--output", "json"], { url })).stdout)).toEqual(await server.get("/workflows"));
  expect(JSON.parse((await nexus(["workflows", "failing", "--output", "json"], { url })).stdout)).toEqual(
    await server.get("/workflows/failing"),
  );
});

test("run NAME --help shows that workflow's inputs, and runs nothing", async () => {
  await using server = await shop();
  const { code, stdout } = await nexus(["run", "import-orders", "--help"], { url: server.url });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ {2}file +text +required +the file to read$/m);
  expect((await server.get("/runs")).runs).toEqual([]);
  expect((await nexus(["run", "--help"], { url: NOWHERE })).stdout).toContain("-i <key=value>");
});

test("mcp --app takes no --url: there is no server it could mean", async () => {
  const { code, stdout, stderr } = await nexus(["mcp", "--app", "app.ts"], { url: "http://127.0.0.1:1" });
  const given = await nexus(["mcp", "--app", "app.ts", "--url", "http://127.0.0.1:1"]);
  expect([given.code, given.stdout, given.stderr]).toEqual([2, "", expect.stringContaining("--url")]);
  // NEXUS_URL is for whatever else is called here.
  expect([code, stdout, stderr]).toEqual([2, "", expect.not.stringContaining("--url")]);
});
