import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Command } from "./nexus.ts";

const PACKAGE = pathToFileURL(join(import.meta.dirname, "../../src/index.ts")).href;

test("start --watch serves what the file says now: runs that were under way go on in the new process", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-watch-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const write = (answer: number): Promise<void> =>
    writeFile(
      join(folder, "app.ts"),
      `import { defineWorkflow, Nexus } from ${JSON.stringify(PACKAGE)};
const hello = defineWorkflow("hello", () => ${answer});
const waits = defineWorkflow("waits", async (_inputs, ctx) => (await ctx.waitForEvent("go"))?.type);
export default new Nexus({ workflows: [hello, waits], http: { port: 0 } });`,
    );
  await write(1);
  await using server = new Command(["start", "--watch"], { cwd: folder, env: { NEXUS_DB: join(folder, "nexus.db") } });
  const urls = (): string[] => [...server.stdout.matchAll(/listening on (\S+)/g)].map((match) => match[1] as string);
  const post = async (path: string, body: object): Promise<any> => {
    const response = await fetch(urls().at(-1) + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return await response.json();
  };
  await server.until(() => urls().length === 1, "a first server");
  expect((await post("/workflows/hello/execute", {})).result).toBe(1);
  const { runId } = await post("/workflows/waits/execute?waitMs=0", {});

  await write(2);
  await server.until(() => urls().length === 2, "a second server");
  expect((await post("/workflows/hello/execute", {})).result).toBe(2);
  await post("/events", { type: "go", data: {} });
  await expect
    .poll(async () => ((await (await fetch(`${urls().at(-1)}/runs/${runId}`)).json()) as any).result, { timeout: 20_000 })
    .toBe("go");

  await writeFile(join(folder, "app.ts"), "export default (");
  await server.said(/app\.ts/);
  await write(3);
  await server.until(() => urls().length === 3, "a third server");
  expect((await post("/workflows/hello/execute", {})).result).toBe(3);
  server.signal("SIGTERM");
  expect((await server.ended).code).toBe(0);
});
