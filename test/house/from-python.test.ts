import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const programs = readdirSync(join(ROOT, "examples/seed"));
const rows = readFileSync(join(ROOT, "docs/from-python.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| there"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test("every name of the Python system stands beside a test, a program or a page that is there", () => {
  expect(rows.length).toBeGreaterThan(40);
  const unproved = rows.filter((cells) => {
    const places = (cells.at(-1) ?? "").split(", ").filter((place) => place !== "");
    return (
      places.length === 0 ||
      !places.every((place) => (/^\d\d$/.test(place) ? programs.some((file) => file.startsWith(place)) : existsSync(join(ROOT, place))))
    );
  });
  expect(unproved).toEqual([]);
});
