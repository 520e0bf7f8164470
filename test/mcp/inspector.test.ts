import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { environment, MAIN } from "../cli/nexus.ts";
import { Served } from "../cli/served.ts";
import { TOOLS } from "./fixtures/asking.ts";
import { APP, WAYS } from "./fixtures/stdio.ts";

const LAUNCHER = join(
  dirname(createRequire(import.meta.url).resolve("@modelcontextprotocol/inspector/package.json")),
  "clients/launcher/build/index.js",
);

/** What the command line of the MCP Inspector is given for a server. */
interface Target extends AsyncDisposable {
  readonly args: readonly string[];
}

const TARGETS: Readonly<Record<string, () => Promise<Target>>> = {
  ...Object.fromEntries(
    Object.entries(WAYS).map(([name, open]) => [
      name,
      async () => {
        const way = await open();
        const env = Object.entries({ ...way.env, NODE_COMPILE_CACHE: join(tmpdir(), "nexus-cli-cache") });
        return { ...way, args: [process.execPath, MAIN, ...way.args, ...env.flatMap(([key, value]) => ["-e", `${key}=${value}`])] };
      },
    ]),
  ),
  HTTP: async () => {
    const served = await Served.open(APP);
    return { args: [`${served.url}/mcp`], [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
  },
};

describe.each(Object.entries(TARGETS))("%s", (_name, open) => {
  test("[mcp.1] the Inspector lists the tools, and finds no error in their schemas", async () => {
    await using target = await open();
    const { stdout, stderr } = await inspect(target, "tools/list", "--protocol-era", "legacy", "--strict");
    expect(JSON.parse(stdout).result.tools).toHaveLength(TOOLS.length);
    expect(stderr).toContain("0 errors");
  });

  test("[mcp.1] the Inspector calls a tool", async () => {
    await using target = await open();
    const given = ["--tool-name", "nexus_run_workflow", "--tool-arg", "workflow=printing"];
    const { stdout } = await inspect(target, "tools/call", "--protocol-era", "modern", ...given);
    expect(JSON.parse(stdout).result.structuredContent).toMatchObject({ status: "completed", result: { printed: 4 } });
  });
});

/** Runs it to its end. @throws when its exit code is not 0. */
async function inspect({ args }: Target, method: string, ...options: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const home = await mkdtemp(join(tmpdir(), "nexus-inspector-"));
  try {
    const line = [LAUNCHER, "--cli", ...args, "--format", "json", "--method", method, ...options];
    return await promisify(execFile)(process.execPath, line, { env: { ...environment(), HOME: home }, maxBuffer: 16 * 1024 * 1024 });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
