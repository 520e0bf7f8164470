import { dirname, join, resolve } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { largeApp, mistakes } from "./large-app.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const [APP, WRONG] = [join(ROOT, "test/types/large-app.ts"), join(ROOT, "test/types/mistakes.ts")];

/** Half as much again as was measured. */
const MOST_INSTANTIATIONS = 3_600_000;

/** A program of files that are only in memory, which stand beside the type tests and see what those see. */
function programOf(files: ReadonlyMap<string, string>): ts.Program {
  const config = join(ROOT, "test/types/tsconfig.json");
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(config, (file) => ts.sys.readFile(file)).config,
    ts.sys,
    dirname(config),
  );
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => files.has(file) || disk.fileExists(file),
    readFile: (file) => files.get(file) ?? disk.readFile(file),
    getSourceFile: (file, ...rest) => {
      const text = files.get(file);
      return text === undefined ? disk.getSourceFile(file, ...rest) : ts.createSourceFile(file, text, rest[0]);
    },
  };
  return ts.createProgram([...files.keys()], options, host);
}

/** What the compiler says of one file; the others are not checked. */
function said(program: ts.Program, file: string): readonly { readonly line: number; readonly text: string }[] {
  const source = program.getSourceFile(file);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(({ start = 0, messageText }) => ({
    line: (source?.getLineAndCharacterOfPosition(start).line ?? 0) + 1,
    text: ts.flattenDiagnosticMessageText(messageText, "\n"),
  }));
}

test("[event.5] 300 event types and 100 workflows, used by value and by name, compile within a budget of instantiations", () => {
  const program = programOf(new Map([[APP, largeApp()]]));
  expect(said(program, APP)).toEqual([]);
  const instantiations = program.getInstantiationCount();
  expect(instantiations).toBeLessThan(MOST_INSTANTIATIONS);
  expect(instantiations).toBeGreaterThan(MOST_INSTANTIATIONS / 10);
}, 120_000);

test("[event.5] in an app of that size every mistake is still found", () => {
  const wrong = [`import { app, e0, w50 } from "./large-app.ts";`, ...mistakes()];
  const program = programOf(
    new Map([
      [APP, largeApp()],
      [WRONG, wrong.join("\n")],
    ]),
  );
  const lines = said(program, WRONG).map(({ line }) => line);
  expect([...new Set(lines)]).toEqual(mistakes().map((_, n) => n + 2));
}, 120_000);
