import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkLog, checkReader, checkSendings, type Line, linesOf, NOTHING_WRONG, type Seen, type Sending } from "./checker.ts";

/** A checker that finds nothing proves nothing: each kind of fault, planted and found. */
const log: readonly Seen[] = [1, 2, 3, 4].map((sequence) => ({
  id: `e${sequence}`,
  sequence,
  cursor: `abc.${sequence}`,
  type: "load",
  timestamp: 1000 + sequence,
  data: { n: sequence, text: "x" },
}));
const [one, two, three, four] = log as [Seen, Seen, Seen, Seen];
const saw = (...events: readonly Seen[]): Line[] => events.map((event) => ({ kind: "event", event }));

test("the checker uses nothing of the product", () => {
  const text = readFileSync(new URL("checker.ts", import.meta.url), "utf8");
  const imports = [...text.matchAll(/from "([^"]+)"/g)].map(([, from]) => from);
  expect(imports).toEqual(["node:fs", "node:zlib", "better-sqlite3"]);
  expect(text).not.toContain("import(");
});

test.each([
  ["all of it, in order", saw(one, two, three, four), {}],
  ["one is missing", saw(one, two, four), { missing: ["3 load e3"] }],
  ["the last is missing", saw(one, two, three), { missing: ["4 load e4"] }],
  ["one came twice", saw(one, two, two, three, four), { repeated: ["2 load e2"] }],
  ["a page came twice", saw(one, two, one, two, three, four), { repeated: ["1 load e1", "2 load e2"] }],
  ["two were swapped", saw(one, three, two, four), { misplaced: ["2 load e2"] }],
  ["data was altered", saw(one, { ...two, data: { n: 2, text: "y" } }, three, four), { altered: ["2 load e2"] }],
  ["a field is gone", saw(one, { ...two, data: { n: 2 } }, three, four), { altered: ["2 load e2"] }],
  ["its cursor is another's", saw(one, { ...two, cursor: three.cursor }, three, four), { altered: ["2 load e2"] }],
  ["one was never recorded", saw(one, two, three, four, { ...four, sequence: 5, id: "e5" }), { foreign: ["5 load e5"] }],
  ["it was told of a loss", [...saw(one, two, three, four), { kind: "told", reason: "expired", from: "c" }] as Line[], { faults: 1 }],
  ["the keys come in another order", saw(one, { ...two, data: { text: "x", n: 2 } }, three, four), {}],
])("a reader: %s", (_what, lines, wrong) => {
  const found = checkReader(lines, log);
  const faults = "faults" in wrong ? [expect.stringContaining("expired")] : [];
  expect(found).toEqual({ ...NOTHING_WRONG, ...wrong, faults });
});

test.each([
  ["all of it", log, {}],
  ["a gap", [one, two, four], { missing: ["before 4"] }],
  ["an id twice", [one, two, { ...three, id: "e2" }, four], { repeated: ["e2"] }],
  ["time falls", [one, { ...two, timestamp: 2000 }, three, four], { misplaced: ["e3 at 1003"] }],
])("the log by itself: %s", (_what, events, wrong) => {
  expect(checkLog({ floor: 0, events })).toEqual({ ...NOTHING_WRONG, ...wrong });
});

test.each([
  ["all acknowledged is there", [], log, {}],
  ["one is not", [], [one, two, three], { missing: ["e4, acknowledged as 4"] }],
  ["one is elsewhere", [], [one, two, three, { ...four, sequence: 5 }], { misplaced: ["5 load e4, acknowledged as 4"] }],
  ["one holds other data", [], [one, two, three, { ...four, data: 1 }], { altered: ["4 load e4"] }],
  ["one was sent by nobody", [], [...log, { ...four, id: "e5", sequence: 5 }], { foreign: ["5 load e5"] }],
  ["one got no answer", [{ kind: "try", id: "e6", type: "load", data: 1 }] as Sending[], log, { faults: ["e6 was never answered"] }],
])("clients: %s", (_what, further, events, wrong) => {
  const sendings = log.flatMap(({ id, type, data, sequence }): Sending[] => [
    { kind: "try", id, type, data },
    { kind: "receipt", id, sequence },
  ]);
  expect(checkSendings([...sendings, ...further], events)).toEqual({ ...NOTHING_WRONG, ...wrong });
});

test("a line that was cut short is none", () => {
  const folder = mkdtempSync(join(tmpdir(), "nexus-faults-"));
  try {
    writeFileSync(join(folder, "record"), '{"kind":"place","cursor":"a.1"}\n{"kind":"pl');
    expect(linesOf(join(folder, "record"))).toEqual([{ kind: "place", cursor: "a.1" }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
