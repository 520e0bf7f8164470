import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const SRC = resolve(import.meta.dirname, "../../src");

/** Top to bottom, as in ARCHITECTURE.md: a file imports from its own line or from below it. */
const LINES: readonly (readonly string[])[] = [
  ["index.ts", "node.ts", "client.ts", "decorators.ts"],
  ["testing/"],
  ["nexus.ts"],
  ["serve.ts"],
  ["channels/"],
  ["documents/"],
  ["operations/"],
  ["app.ts", "app-health.ts", "app-life.ts", "open-app.ts", "options.ts", "run-handle.ts"],
  ["api.ts"],
  ["workflows/"],
  ["sessions/"],
  ["delivery/"],
  ["sinks/"],
  ["stores/"],
  ["client/"],
  ["access/"],
  ["log/"],
  ["events/"],
  ["observability/"],
  ["errors.ts"],
];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly dynamic: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.replaceAll("\\", "/"));
const imports: readonly Import[] = files.flatMap((from) => {
  const text = readFileSync(join(SRC, from), "utf8");
  const found = [...text.matchAll(/(?:from\s+|import\s*\(\s*|^import\s+)"([^"]+)"/gm)];
  return found.map((match) => ({ from, to: target(from, match[1] as string), dynamic: match[0].startsWith("import(") }));
});

function target(from: string, specifier: string): string {
  return specifier.startsWith(".") ? relative(SRC, resolve(SRC, dirname(from), specifier)).replaceAll("\\", "/") : specifier;
}

function lineOf(file: string): number {
  return LINES.findIndex((line) => line.some((entry) => (entry.endsWith("/") ? file.startsWith(entry) : file === entry)));
}

const inside = imports.filter(({ to }) => files.includes(to));

test("every file stands on a line of the house", () => {
  expect(files.filter((file) => lineOf(file) < 0)).toEqual([]);
});

test("imports run downwards only", () => {
  expect(inside.filter(({ from, to }) => lineOf(to) < lineOf(from))).toEqual([]);
});

test("no store, and no channel, imports another; only the command line, and its own face, use the client", () => {
  const folder = (file: string): string | undefined => /^(stores|channels)\/[^/]+\//.exec(file)?.[0];
  const across = inside.filter(({ from, to }) => folder(from) !== undefined && folder(to) !== undefined && folder(from) !== folder(to));
  expect(across).toEqual([]);
  expect(inside.filter(({ from, to }) => to.startsWith("client/") && !/^(?:client\/|client\.ts$|channels\/cli\/)/.test(from))).toEqual([]);
});

test("the client imports only events and errors", () => {
  const allowed = /^(client|events)\/|^errors\.ts$/;
  expect(inside.filter(({ from, to }) => from.startsWith("client/") && !allowed.test(to))).toEqual([]);
});

test("log, events and errors do no input or output", () => {
  const pure = /^(log|events)\/|^errors\.ts$/;
  const io = /^(?:node:)?(?:fs|net|http|https|child_process|worker_threads|dgram|tls|readline)(?:\/|$)|^better-sqlite3$|^ws$/;
  expect(imports.filter(({ from, to }) => pure.test(from) && io.test(to))).toEqual([]);
});

test("native code is loaded only when a SQLite store is opened", () => {
  // From the public names, what is imported without `import()` never reaches it.
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const { to, dynamic } of imports.filter(({ from }) => from === file))
      if (!dynamic && files.includes(to) && !isTypeOnly(file, to)) visit(to);
  };
  visit("index.ts");
  expect([...reached].filter((file) => imports.some(({ from, to }) => from === file && to === "better-sqlite3"))).toEqual([]);
});

function isTypeOnly(from: string, to: string): boolean {
  const text = readFileSync(join(SRC, from), "utf8");
  return [...text.matchAll(/^(import|export)\s+(type\s)?[^"]*from\s+"([^"]+)"/gm)]
    .filter((match) => target(from, match[3] as string) === to)
    .every((match) => match[2] !== undefined);
}
