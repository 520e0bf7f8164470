import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

test("the code of docs/testing.md is the test that is run here", () => {
  const guide = readFileSync(resolve(import.meta.dirname, "../../docs/testing.md"), "utf8");
  const blocks = [...guide.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1]);
  expect(blocks).toEqual([readFileSync(join(import.meta.dirname, "guide.test.ts"), "utf8")]);
});
