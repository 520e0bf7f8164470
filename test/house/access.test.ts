import { expect, test } from "vitest";
import { OPERATIONS, STREAMS } from "../../src/operations/table.ts";
import { ROWS } from "../access/rows.ts";

test("every operation has a row in test/access/rows.ts, with the scope that the table gives it: how it is asked, and what of it somebody may own", () => {
  const table = Object.fromEntries(OPERATIONS.map(({ name, scope }) => [name, scope]));
  expect(Object.fromEntries(Object.entries(ROWS).map(([name, { scope }]) => [name, scope]))).toEqual(table);
});

test("an operation that takes an id, and not only a workflow's name, says in its row how such a thing is made, or that it is nobody's", () => {
  const silent = OPERATIONS.filter(({ name, path }) => /\{(?!name|workflow)\w+\}/.test(path) && ROWS[name]?.make === undefined);
  expect(silent.map(({ name }) => name)).toEqual([]);
});

test("what is followed rather than asked is known to test/access, too", () => {
  expect(STREAMS).toEqual({
    stream: { path: "/events/stream", scope: "events:read" },
    subscribe: { path: "/events/ws", scope: "events:read" },
  });
});
