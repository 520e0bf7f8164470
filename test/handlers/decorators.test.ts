import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { memoryStore, Nexus } from "nexus-event-system";
import { on } from "nexus-event-system/decorators";
import ts from "typescript";
import { expect, onTestFinished, test } from "vitest";

const fixture = new URL("fixtures/decorated.ts", import.meta.url);
const SOURCES = fileURLToPath(new URL("../page/from-sources.ts", import.meta.url));

test("[handler.3] a decorated method of each instance is a handler from its construction on, as its compiled class has it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-decorators-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { outputText } = ts.transpileModule(await readFile(fixture, "utf8"), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const file = join(folder, "decorated.mjs");
  await writeFile(file, outputText);
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", SOURCES, file]);
  expect(JSON.parse(stdout)).toEqual({
    beforeAnyInstance: ["true 2"],
    one: ["first 1: 4", "first not told yet", "true 4"],
    two: ["first 2: 6", "first not told yet", "second 1: 6", "second not told yet", "true 6"],
    failed: ["first failed: no", "second failed: no"],
    last: ["first 3: 8", "second 2: 8", "third overrides: 8", "true 8"],
    failures: Array.from({ length: 8 }, () => "its own failure"),
  });
});

test.each([
  ["the decorators that TypeScript had before", "completed", "compile without experimentalDecorators"],
  ["anything but a method", { kind: "field" }, "for methods, not for a field"],
])("[handler.3] used with %s, it says so", (_what, context, reason) => {
  const decorator = on(new Nexus({ store: memoryStore() }), "workflow.completed");
  expect(() => decorator(() => {}, context as never)).toThrow(reason);
});
