import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const contract = readFileSync(join(ROOT, "docs/contract.md"), "utf8");
const clauses = [...contract.matchAll(/^- \[([a-z]+\.\d+)\]( \*\*must\*\*)?/gm)].map((match) => ({
  id: match[1] as string,
  must: match[2] !== undefined,
}));

/** Where titles are: the tests, and the suite that every store runs. */
const files = ["test", "src/testing"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(join(ROOT, folder, file), "utf8")),
);
const titled = new Set(
  files.flatMap((text) =>
    [...text.matchAll(/["'`]((?:\[[a-z]+\.\d+\] ?)+)/g)].flatMap((match) =>
      [...(match[1] as string).matchAll(/\[([^\]]+)\]/g)].map((id) => id[1] as string),
    ),
  ),
);

test("every clause stands in the contract once", () => {
  const ids = clauses.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)]);
  expect(ids.length).toBeGreaterThan(40);
});

test("every clause marked must has a test that carries its id", () => {
  expect(clauses.filter(({ id, must }) => must && !titled.has(id)).map(({ id }) => id)).toEqual([]);
});

test("every id in a title is that of a clause", () => {
  const known = new Set(clauses.map(({ id }) => id));
  expect([...titled].filter((id) => !known.has(id))).toEqual([]);
});
