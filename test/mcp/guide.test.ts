import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse as parseToml } from "smol-toml";
import { expect, onTestFinished, test, vi } from "vitest";
import { nexus } from "../cli/nexus.ts";
import { serve } from "../http/fixtures/site.ts";
import { CLIENTS, type Connect } from "./fixtures/clients.ts";
import { APP, HOSTS, type Start } from "./fixtures/stdio.ts";

const guide = readFileSync(resolve(import.meta.dirname, "../../docs/mcp.md"), "utf8");
const blocksOf = (language: string): string[] =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)\`\`\``, "gms"))].map((match) => match[1] as string);
const connect = CLIENTS["2026-07-28"] as Connect;
const start = HOSTS["2026-07-28"] as Start;

/** A server as a client's configuration has it. */
interface Entry {
  readonly url?: string;
  readonly httpUrl?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bearer_token_env_var?: string;
  readonly command?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const entries: readonly Entry[] = [
  ...blocksOf("json").map((text) => JSON.parse(text)),
  ...blocksOf("toml").map((text) => parseToml(text) as any),
].map((file) => (file.mcpServers ?? file.servers ?? file.mcp_servers).nexus);

/** What the guide types in, as words. */
const commands = blocksOf("sh")
  .flatMap((block) => block.split("\n"))
  .flatMap((line) => /npx nexus (keys create [^)]*)/.exec(line)?.slice(1) ?? [])
  .map((command) => [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? ""));

test("[access.2] with each of the guide's configurations and the key that it makes, a client has the tools of that key's scopes", async () => {
  await using site = await serve();
  let key = "";
  for (const command of commands) {
    const { code, stdout } = await nexus(command, { url: site.url, ...(key !== "" && { env: { NEXUS_API_KEY: key } }) });
    expect([command, code]).toEqual([command, 0]);
    key = stdout.trim();
  }
  const reached = entries.filter(({ command }) => command === undefined);
  expect(reached).toHaveLength(5);
  for (const { url, httpUrl = url, headers, bearer_token_env_var: variable } of reached) {
    expect(httpUrl).toBe("http://127.0.0.1:8000/mcp");
    const credential = headers?.["Authorization"] ?? `Bearer \${${variable}}`;
    const asKnown = (value: string): string => credential.replace(/\$\{(env:|input:)?(NEXUS_API_KEY|nexus-key)\}/, value);
    await using agent = await connect(site.url, { authorization: asKnown(key) });
    const names = (await agent.tools()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["nexus_run_workflow", "nexus_wait_for_events"]));
    expect(names).not.toContain("nexus_emit_event");
    await expect(connect(site.url, { authorization: asKnown(`${key}x`) })).rejects.toThrow(/401/);
  }
});

test.each(
  entries
    .filter(({ command }) => command !== undefined)
    .map((entry) => [entry.args?.includes("--app") === true ? "as the app itself" : "in front of a server", entry] as const),
)("[mcp.8] what a client starts by the guide speaks MCP %s", async (_how, { command, args = [], env = {} }) => {
  await using site = await serve();
  const folder = await mkdtemp(join(tmpdir(), "nexus-guide-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  // What stands before is npm's: here nexus is run from its sources.
  expect([command, ...args.slice(0, 3)]).toEqual(["npx", "--prefix", "/path/to/project", "nexus"]);
  const given = args.slice(3).map((arg) => (arg === "/path/to/project/app.ts" ? APP : arg));
  const here: Readonly<Record<string, string>> = { NEXUS_URL: site.url, NEXUS_DB: join(folder, "nexus.db") };
  const known = Object.keys(env).map((name) => [name, here[name] as string] as const);
  await using host = await start({ args: given, env: Object.fromEntries(known) });
  const { structuredContent } = await host.call("nexus_emit_event", { type: "told", data: {} });
  expect(structuredContent).toMatchObject({ sequence: expect.any(Number) });
  const { events } = await site.app.getEvents({ type: "told" });
  expect(events).toHaveLength(args.includes("--app") ? 0 : 1);
});

test("[mcp.1] the guide names every tool there is, each under the scope that it takes", async () => {
  const rows = guide
    .split("\n")
    .filter((line) => /^\| `\w+_/.test(line))
    .map((line) => line.split("|").map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string)))
    .map(([_, tools = [], _says, scopes = []]) => ({ tools: tools.map((name) => `nexus_${name}`), scope: scopes[0] as string }));
  const scopeOf = (request: Request): string => request.headers.get("authorization") ?? "";
  await using site = await serve({ auth: { authenticate: (request) => ({ userId: "ann", scopes: [scopeOf(request) as "admin"] }) } });
  const toolsOf = async (scope: string): Promise<string[]> => {
    await using agent = await connect(site.url, { authorization: scope });
    const names: string[] = (await agent.tools()).map(({ name }) => name);
    return names.sort();
  };
  const scopes = [...new Set(rows.map(({ scope }) => scope))].filter((scope) => scope !== "admin");
  expect(await toolsOf("admin")).toEqual(rows.flatMap(({ tools }) => tools).sort());
  expect(await Promise.all(scopes.map(toolsOf))).toEqual(
    scopes.map((scope) => rows.flatMap((row) => (row.scope === scope ? row.tools : [])).sort()),
  );
});

/** Ids and cursors are others each time, and cut in the guide: they are numbered as they come. */
function numbered(transcript: string): string {
  const seen: string[] = [];
  return transcript.replaceAll(/"(runId|cursor)":"([^"]+)"/g, (_, name: string, value: string) => {
    if (!seen.includes(value)) seen.push(value);
    return `${name} ${seen.indexOf(value)}`;
  });
}

test("[mcp.2] an agent that loses its connection in the middle of a wait goes on from its cursor, word for word as the guide shows it", async () => {
  const said: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void said.push(`${line}\n`));
  await import("../../examples/mcp/agent.ts");
  const [, transcript = ""] = /```\n(connected.*?)```/s.exec(guide) ?? [];
  expect(numbered(said.join(""))).toBe(numbered(transcript));
});
