import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { Command, environment, MAIN } from "../cli/nexus.ts";
import { Served } from "../cli/served.ts";
import { APP, WAYS, type Way } from "./fixtures/stdio.ts";

const PRINTED = ["a line at its start", "a log line", "a written line", "a line to the file descriptor", "a line of a child"];

/** Requests and their answers by hand: what a client does not show is seen here. */
class Lines implements AsyncDisposable {
  readonly command: Command;

  constructor({ args, env }: Pick<Way, "args" | "env">) {
    this.command = new Command(args, { env });
  }

  write(text: string): void {
    this.command.type(`${text}\n`);
  }

  async ask(id: number, method: string, params: object): Promise<any> {
    this.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return await this.answer(id);
  }

  async answer(id: number | null): Promise<any> {
    const answers = (): any[] => this.command.values.filter((message) => message.method === undefined && message.id === id);
    await this.command.until(() => this.command.stdout.endsWith("\n") && answers().length > 0, `an answer to ${id}`);
    return answers().at(-1);
  }

  async initialize(): Promise<void> {
    const clientInfo = { name: "test", version: "1.0.0" };
    await this.ask(0, "initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
    this.write(JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }));
  }

  call(id: number, name: string, args: object): Promise<any> {
    return this.ask(id, "tools/call", { name: `nexus_${name}`, arguments: args, _meta: { progressToken: id } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.command[Symbol.asyncDispose]();
  }
}

describe.each(Object.entries(WAYS))("%s", (_way, open) => {
  test("[mcp.8] on standard output there are only messages, whatever the app, its workflows and their processes print", async () => {
    await using way = await open();
    await using lines = new Lines(way);
    await lines.initialize();
    expect((await lines.call(1, "run_workflow", { workflow: "printing" })).result.structuredContent.result).toEqual({ printed: 4 });
    lines.command.endInput();
    const { code, stdout, stderr } = await lines.command.ended;
    expect(code).toBe(0);
    expect(lines.command.values.every(({ jsonrpc }) => jsonrpc === "2.0")).toBe(true);
    for (const line of PRINTED) {
      expect(stdout).not.toContain(line);
      if (way.args.includes("--app")) expect(stderr).toContain(line);
    }
  });

  test("[mcp.8] a line that is no message is answered with an error, and what follows as ever", async () => {
    await using way = await open();
    await using lines = new Lines(way);
    await lines.initialize();
    lines.write("no JSON");
    expect((await lines.answer(null)).error.code).toBe(-32700);
    for (const line of ["[]", "7", '{"jsonrpc":"1.0","id":1,"method":"ping"}', '{"jsonrpc":"2.0","id":{},"method":"ping"}']) {
      const before = lines.command.values.length;
      lines.write(line);
      await lines.command.until(() => lines.command.stdout.endsWith("\n") && lines.command.values.length > before, "an answer");
      expect(lines.command.values.at(-1)).toMatchObject({ id: null, error: { code: -32600 } });
    }
    lines.write("");
    expect((await lines.ask(2, "ping", {})).result).toEqual({});
  });

  test("[mcp.8] of a message above 10 MB nothing is kept: it is refused before its end has come", async () => {
    await using way = await open();
    await using lines = new Lines(way);
    await lines.initialize();
    lines.command.type(`{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"${"x".repeat(11 * 1024 * 1024)}`);
    expect((await lines.answer(null)).error).toMatchObject({ code: -32600, message: expect.stringContaining("10485760 bytes") });
    lines.write('"}}');
    expect((await lines.ask(2, "ping", {})).result).toEqual({});
    expect(lines.command.values.filter(({ id }) => id === 1)).toEqual([]);
  });

  test.each(["end of input", "SIGINT", "SIGTERM"] as const)("[mcp.8] ends with exit code 0 in the middle of a wait: %s", async (how) => {
    await using way = await open();
    await using lines = new Lines(way);
    await lines.initialize();
    void lines.call(1, "wait_for_events", { filter: { type: "never" } }).catch(() => {});
    await lines.command.until(() => lines.command.values.some(({ method }) => method === "notifications/progress"), "progress");
    if (how === "end of input") lines.command.endInput();
    else lines.command.signal(how);
    expect((await lines.command.ended).code).toBe(0);
  });
});

const [own = ""] = Object.keys(WAYS);

test("[mcp.9] an app that stops tells those who wait", async () => {
  await using way = await (WAYS[own] as () => Promise<Way>)();
  await using lines = new Lines(way);
  await lines.initialize();
  const waiting = lines.call(1, "wait_for_events", { filter: { type: "never" } });
  await lines.command.until(() => lines.command.values.some(({ method }) => method === "notifications/progress"), "progress");
  lines.command.signal("SIGTERM");
  const { result } = await waiting;
  expect([result.isError, JSON.parse(result.content[1].text)]).toMatchObject([true, { code: "SERVER_STOPPING", retryable: true }]);
});

test("[mcp.8] a process that is killed leaves none behind that has the file, also where its input stays open", async () => {
  await using way = await (WAYS[own] as () => Promise<Way>)();
  // Holds the other end of the input, as a host does that is no Node.
  const holder = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "pipe", "ignore"] });
  const killed = spawn(process.execPath, [MAIN, ...way.args], {
    stdio: [holder.stdout, "pipe", "pipe"],
    env: { ...environment(), ...way.env },
  });
  onTestFinished(() => void [holder, killed].map((child) => child.kill("SIGKILL")));
  await once(killed.stderr, "data");
  killed.kill("SIGKILL");
  // Its outputs close when nobody has them any more.
  await once(killed, "close");
  await using next = new Lines(way);
  await next.initialize();
});

test("[run.10] [mcp.8] a run that is under way when the client leaves goes on with the next one", async () => {
  await using way = await (WAYS[own] as () => Promise<Way>)();
  await using first = new Lines(way);
  await first.initialize();
  const { runId } = (await first.call(1, "run_workflow", { workflow: "waiting", waitMs: 0 })).result.structuredContent;
  first.command.endInput();
  expect((await first.command.ended).stderr).toContain("1 run goes on at the next start");
  await using next = new Lines(way);
  await next.initialize();
  await next.call(1, "emit_event", { type: "go", data: {} });
  const waited = await next.call(2, "wait_for_events", { filter: { runId }, after: "earliest", stopOn: ["workflow.completed"] });
  expect(waited.result.structuredContent.events.at(-1).type).toBe("workflow.completed");
});

test("[log.11] [mcp.8] a file that a server has is said so, and what to do: exit 1, and nothing on standard output", async () => {
  await using served = await Served.open(APP);
  await using command = new Command(["mcp", "--app", APP], { env: { NEXUS_DB: served.db } });
  const { code, stdout, stderr } = await command.ended;
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/Another process has this database file open.*pid \d+/);
  expect(stderr).toContain("nexus mcp, without --app");
});

test("[mcp.8] a file that cannot be loaded is wrong usage, told on standard error", async () => {
  await using command = new Command(["mcp", "--app", "nowhere.ts"]);
  const { code, stdout, stderr } = await command.ended;
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("nowhere.ts: there is no such file");
});
