import { expect, test } from "vitest";
import { Command, nexus } from "./nexus.ts";
import { shop } from "./shop.ts";

const UNKNOWN = "s-01980000-0000-7000-8000-000000000000";

test("[session.3] a session is created, shown, changed, joined and ended from the command line, each time with the session as the result", async () => {
  await using server = await shop();
  const { url } = server;
  const json = async (...args: string[]): Promise<any> =>
    JSON.parse((await nexus(["sessions", ...args, "--output", "json"], { url })).stdout);
  const created = await json("create", "-d", "theme=dark", "--data", '{"n":1}', "--ttl-ms", "60000");
  expect(created).toMatchObject({ userId: "local", data: { n: 1, theme: "dark" }, channels: ["cli"] });
  const ending = created.id.slice(-6);
  expect((await json("update", ending, "-d", "theme=null", "-d", "n=2")).data).toEqual({ n: 2 });
  const { id } = await server.app.sessions.create({ userId: "ann" });
  expect((await json("join", id)).channels).toEqual(["app", "cli"]);
  expect((await json()).sessions.map((session: any) => session.id)).toEqual([id, created.id]);
  expect((await json("--user", "ann")).sessions).toMatchObject([{ id }]);
  expect(await json("end", created.id)).toMatchObject({ id: created.id, ended: "ended" });
  expect(await json("show", created.id)).toMatchObject({ data: { n: 2 }, ended: "ended" });
  const { events } = await server.get(`/events?sessionId=${created.id}`);
  expect(events.map((event: any) => `${event.type} ${event.channel}`)).toEqual([
    "session.created cli",
    "session.updated cli",
    "session.ended cli",
  ]);
});

test("sessions for people: a line each in the list, a line for each field where one is shown", async () => {
  await using server = await shop();
  const { url } = server;
  expect((await nexus(["sessions"], { url })).stderr).toContain("no open sessions");
  const { id } = await server.app.sessions.create({ userId: "ann", data: { theme: "\u001b[2Jdark", cart: [1, 2] } });
  const list = await nexus(["sessions"], { url });
  expect(list.stdout).toMatch(
    new RegExp(`^${id.slice(-6)} {2}ann {2}app {2}0 runs {2}until \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d {2}theme=.*cart=\\[1,2\\]\\n$`),
  );
  const shown = await nexus(["sessions", "show", id.slice(-6)], { url });
  expect(shown.stdout.split("\n").map((line) => line.replace(/\d{4}-\S+ \S+/, "WHEN"))).toEqual([
    `session ${id}`,
    "  by ann on app, 0 runs, WHEN",
    "  open until WHEN or as long as it is used",
    '    theme  "\\u001b[2Jdark"',
    "    cart  [1,2]",
    "",
  ]);
  const ended = await nexus(["sessions", "end", id], { url });
  expect([ended.code, ended.stderr]).toEqual([0, "✔ ended\n"]);
});

test("run and events emit within a session; one that is not there is said at once, and nothing is recorded", async () => {
  await using server = await shop();
  const { url } = server;
  const { id } = await server.app.sessions.create({ userId: "ann" });
  const run = await nexus(["run", "import-orders", "-i", "file=a.csv", "--session", id.slice(-6)], { url });
  expect(run.code).toBe(0);
  expect((await nexus(["events", "emit", "order.paid", "--session", id], { url })).code).toBe(0);
  const { events } = await server.get(`/events?sessionId=${id}&type=workflow.started,order.paid`);
  expect(events.map((event: any) => [event.type, event.userId, event.channel])).toEqual([
    ["workflow.started", "ann", "cli"],
    ["order.paid", "ann", "cli"],
  ]);
  const { cursor } = await server.app.getEvents();
  for (const [session, words] of [
    [UNKNOWN, /There is no such session/],
    ["nowhere", /There is no open session "nowhere"/],
    ["x", /There is no such session/],
  ] as const) {
    for (const command of [
      ["run", "import-orders", "-i", "file=a.csv"],
      ["events", "emit", "order.paid"],
    ]) {
      const { code, stdout, stderr } = await nexus([...command, "--session", session], { url });
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(words);
    }
  }
  await server.app.sessions.end(id);
  const late = await nexus(["sessions", "update", id, "-d", "a=1", "--output", "json"], { url });
  expect([late.code, JSON.parse(late.stdout).code]).toEqual([1, "SESSION_ENDED"]);
  expect((await server.app.getEvents({ after: cursor })).events.map(({ type }) => type)).toEqual(["session.ended"]);
});

test("tail shows what changes in a session", async () => {
  await using server = await shop();
  const { id } = await server.app.sessions.create({ data: { a: 1 } });
  await server.app.sessions.update(id, { theme: "dark" });
  await server.app.sessions.join(id, "cli");
  await using command = new Command(["events", "tail", "--session", id, "--after", "earliest"], { url: server.url });
  await command.said(/── live at/);
  await server.app.sessions.end(id);
  await command.said(/session\.ended/);
  const shown = command.stdout.split("\n").map((line) => line.slice(27).replace(/\d+/g, "N"));
  expect(shown).toEqual([
    "session.created     a=N",
    "session.updated     theme=dark",
    "session.updated     cli joined",
    "session.ended       reason=ended durationMs=N workflowCount=N",
    "",
  ]);
});
