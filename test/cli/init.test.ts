import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { nexus } from "./nexus.ts";

const STARTER = join(import.meta.dirname, "../../starter");

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nexus-init-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("init writes a first app with its settings, and says what comes next", async () => {
  const cwd = await emptyFolder();
  const { code, stdout, stderr } = await nexus(["init"], { cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^app\.ts +made$/m);
  expect(stderr).toBe(
    "  next:\n  npm install nexus-event-system\n  npm install --save-dev typescript @types/node    for your editor and `npx tsc`\n  npx nexus start --watch\n",
  );
  for (const file of await readdir(STARTER))
    expect(await readFile(join(cwd, file), "utf8")).toBe(await readFile(join(STARTER, file), "utf8"));
  expect(JSON.parse(await readFile(join(cwd, "package.json"), "utf8"))).toEqual({
    private: true,
    type: "module",
    scripts: { start: "nexus start", dev: "nexus start --watch", test: "node --test" },
  });
  expect(await readFile(join(cwd, ".gitignore"), "utf8")).toContain(".nexus/\n");
});

test("init leaves what is there, and adds to package.json only what it lacks", async () => {
  const folder = await emptyFolder();
  await writeFile(join(folder, "app.ts"), "mine");
  const own = {
    name: "shop",
    type: "commonjs",
    scripts: { start: "mine", test: 'echo "Error: no test specified" && exit 1' },
    dependencies: { "nexus-event-system": "1" },
  };
  await writeFile(join(folder, "package.json"), JSON.stringify(own));
  const { code, stdout } = await nexus(["init", folder, "--output", "json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    folder,
    files: expect.objectContaining({ "app.ts": "left as it is", "workflows.ts": "made", "package.json": "completed" }),
  });
  expect(await readFile(join(folder, "app.ts"), "utf8")).toBe("mine");
  expect(JSON.parse(await readFile(join(folder, "package.json"), "utf8"))).toEqual({
    ...own,
    scripts: { start: "mine", dev: "nexus start --watch", test: "node --test" },
  });
  expect((await nexus(["init", folder, "--output", "json"])).stdout).not.toContain("made");
});

test.each([
  ["as npm init makes it", {}, [], "module"],
  ["that has code of CommonJS", {}, ["index.js"], "commonjs"],
  ["that has a test of its own", { scripts: { test: "node test.js" } }, [], "commonjs"],
] as const)("init and a package.json %s", async (_which, more, files, type) => {
  const folder = await emptyFolder();
  const path = join(folder, "package.json");
  const scripts = { test: 'echo "Error: no test specified" && exit 1' };
  await writeFile(path, JSON.stringify({ name: "x", version: "1.0.0", main: "index.js", type: "commonjs", scripts, ...more }));
  for (const file of files) await writeFile(join(folder, file), "");
  expect((await nexus(["init", folder])).code).toBe(0);
  expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ type });
});

test("init says what is wrong with a package.json that it cannot read, and leaves it", async () => {
  const cwd = await emptyFolder();
  await writeFile(join(cwd, "package.json"), "{");
  const { code, stderr } = await nexus(["init"], { cwd });
  expect(code).toBe(2);
  expect(stderr).toMatch(/package\.json: is not JSON/);
  expect(await readFile(join(cwd, "package.json"), "utf8")).toBe("{");
});
