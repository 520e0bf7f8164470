import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { ERRORS } from "../../src/errors.ts";
import { DEFAULT_LIMITS } from "../../src/events/limits.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../docs/operating.md"), "utf8");
const [, section = ""] = /^## Limits$(.*?)^## /ms.exec(page) ?? [];
const rows = [...section.matchAll(/^\| (?!what|---).*$/gm)].map(([line]) => {
  const [, what = "", value = "", option = "", error = "", counter = ""] = line.split("|").map((cell) => cell.trim());
  return { what, value, option, error, counter };
});

/** A number as the table writes it: 16,384 · 10 s · 256 KiB. */
function written(limit: string, value: number): string {
  if (limit.endsWith("Ms")) return `${value / 1000} s`;
  return limit.endsWith("Bytes") ? `${value / 1024} KiB` : value.toLocaleString("en");
}

test("docs/operating.md names every option of `limits`, with its default", () => {
  for (const [limit, value] of Object.entries(DEFAULT_LIMITS)) {
    const named = rows.filter(({ option }) => option === `\`limits.${limit}\``);
    expect({ limit, values: named.map((row) => row.value.startsWith(written(limit, value))) }).toEqual({
      limit,
      values: named.length === 2 ? [true, true] : [true],
    });
  }
});

test("the errors of its limits are those of the table, and what is counted by code has the code that is answered", () => {
  expect(rows.length).toBeGreaterThan(20);
  for (const { what, error, counter } of rows) {
    const codes = [...error.matchAll(/`([A-Z_]+)`/g)].map((match) => match[1] as string);
    expect({ what, unknown: codes.filter((code) => !Object.hasOwn(ERRORS, code)) }).toEqual({ what, unknown: [] });
    const counted = [...counter.matchAll(/`problems_([a-z_]+)`/g)].map((match) => (match[1] as string).toUpperCase());
    expect({ what, unknown: counted.filter((code) => !Object.hasOwn(ERRORS, code)) }).toEqual({ what, unknown: [] });
  }
});
