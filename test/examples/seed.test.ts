import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const FOLDER = join(import.meta.dirname, "../../examples/seed");
const programs = readdirSync(FOLDER).filter((file) => file.endsWith(".ts"));

test("there is a program for each of the 21 sections", () => {
  expect(programs.map((file) => Number(file.slice(0, 2)))).toEqual(Array.from({ length: 21 }, (_, n) => n + 1));
});

// A program that fails rejects when it is imported.
test.each(programs)("examples/seed/%s", async (file) => {
  await import(join(FOLDER, file));
});
