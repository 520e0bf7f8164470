import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { ERRORS, exitCodeOf, NexusError } from "../../src/errors.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../docs/errors.md"), "utf8");
const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| (\d{4}) \| (\d+) \| (.+) \| (.+) \|$/gm)];

test("docs/errors.md is the error table, row for row", () => {
  const table = Object.entries(ERRORS).map(([code, row]) => [
    code,
    String(row.http),
    String(4000 + row.http),
    String(exitCodeOf(new NexusError(code as never, {} as never))),
    row.says,
    row.todo,
  ]);
  expect(rows.map((row) => row.slice(1))).toEqual(table);
});
