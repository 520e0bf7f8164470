import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const MB = 1_000_000;

interface Locked {
  readonly version: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const packages = (
  JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as { readonly packages: Readonly<Record<string, Locked>> }
).packages;
/** What is installed with the package: by path, without itself and what only its developers need. */
const runtime = Object.entries(packages).filter(([path, { dev, devOptional }]) => path !== "" && dev !== true && devOptional !== true);

test("nothing that is installed with the package runs a script of its own then", () => {
  expect(runtime.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path)).toEqual([]);
});

test("everything that is installed is locked by its digest", () => {
  const open = Object.entries(packages).filter(
    ([path, { resolved, integrity }]) => path !== "" && resolved !== undefined && integrity === undefined,
  );
  expect(open.map(([path]) => path)).toEqual([]);
});

test("the package, and all that is installed with it, stay within their budget", () => {
  const installed = runtime.map(([path]) => [path, sizeOf(join(ROOT, path))] as const);
  // Half of it is SQLite for every system, built before.
  expect(installed.reduce((sum, [, size]) => sum + size, 0)).toBeLessThan(60 * MB);
  expect(runtime.length).toBeLessThanOrEqual(40);
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: ROOT, encoding: "utf8" }),
  ) as [{ readonly size: number; readonly unpackedSize: number }];
  expect(packed.size).toBeLessThan(1 * MB);
  expect(packed.unpackedSize).toBeLessThan(3.5 * MB);
});

function sizeOf(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
