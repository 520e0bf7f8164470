import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkLog, checkReader, checkSendings, type Line, linesOf, NOTHING_WRONG, type Seen, type Sending } from "./checker.ts";
import { checkDeliveries, type Try } from "./checker-deliveries.ts";
import { checkRuns, type Effect, type Start } from "./checker-runs.ts";

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

test.each(["checker.ts", "checker-runs.ts", "checker-deliveries.ts"])("%s uses nothing of the product", (file) => {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  const imports = [...text.matchAll(/from "([^"]+)"/g)].map(([, from]) => from);
  expect(["node:fs", "node:zlib", "better-sqlite3", "./checker.ts"]).toEqual(expect.arrayContaining(imports));
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

test("a reader of a log that forgets: what it was told of is no loss, anything else is", () => {
  const told: Line = { kind: "told", reason: "expired", from: "abc.3" };
  expect(checkReader([...saw(one), told, ...saw(four)], log, { forgetful: true })).toEqual(NOTHING_WRONG);
  const late: Line = { kind: "told", reason: "expired", from: "abc.2" };
  expect(checkReader([...saw(one), late, ...saw(four)], log, { forgetful: true })).toMatchObject({ missing: ["3 load e3"] });
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

/** Two lives: the first tries 1 and 2, is killed at 5000 before it could write down 2, and so the second begins with 2. */
const tries: readonly Try[] = [
  { life: 1, id: "e1", sequence: 1, taken: true, at: 4000 },
  { life: 1, id: "e2", sequence: 2, taken: false, at: 4900 },
  { life: 1, id: "e2", sequence: 2, taken: true, at: 4950 },
  { life: 2, id: "e2", sequence: 2, taken: true, at: 6000 },
  { life: 2, id: "e3", sequence: 3, taken: true, at: 6010 },
  { life: 2, id: "e4", sequence: 4, taken: true, at: 6020 },
];
const [t1, t2, t2again, t2later, t3, t4] = tries as [Try, Try, Try, Try, Try, Try];

test.each([
  ["all of it, one again after a crash", tries, {}, 1],
  ["one again after it was given up", [...tries, { ...t4, at: 6600 }], {}, 2],
  ["one is never taken", [t1, t2, t2again, t2later, t3, { ...t4, taken: false }], { missing: ["4 load e4"] }, 1],
  ["one is skipped", [t1, t2, t2again, t2later, t4], { missing: ["3 load e3"] }, 1],
  ["one twice in a life", [...tries, { ...t4, at: 6030 }], { repeated: ["4 e4, twice in life 2"] }, 1],
  [
    "one again that was long written down",
    [{ ...t1, at: 1000 }, t2, t2again, { ...t1, life: 2, at: 5900 }, t2later, t3, t4],
    { repeated: ["1 e1, taken 4000 ms before the end of life 1"] },
    1,
  ],
  ["out of order", [t1, t2, t2again, t2later, t4, t3], { misplaced: ["3 e3, first tried after 4"] }, 1],
  ["ahead of one that failed", [t1, t2, { ...t3, life: 1 }, t2again, t4], { misplaced: ["3 e3, while 2 was not through"] }, 0],
])("deliveries: %s", (_what, given, wrong, repeats) => {
  const promised = { events: log, killedAt: [5000], inOrder: true, timeoutMs: 500 };
  expect(checkDeliveries(given, promised)).toEqual({ found: { ...NOTHING_WRONG, ...wrong }, repeats });
});

const life = (...events: readonly (readonly [string, unknown])[]): Seen[] =>
  events.map(([type, data], n) => ({
    id: `r${n}`,
    sequence: n + 1,
    cursor: `abc.${n + 1}`,
    type,
    timestamp: 1000,
    runId: "r",
    workflowName: "w",
    data,
  }));
const started = ["workflow.started", {}] as const;
const finished = ["step.completed", { step: "a", result: "t2" }] as const;
const ended = ["workflow.completed", { result: { tokens: { a: "t2" } } }] as const;
const starts: readonly Start[] = [
  { kind: "try", id: "k", data: {} },
  { kind: "receipt", id: "k", runId: "r" },
];
const effects: readonly Effect[] = ["t1", "t2"].map((token) => ({ run: "r", step: "a", token }));

test.each([
  ["a step that was interrupted runs again", starts, effects, life(started, finished, ended), {}],
  [
    "a finished step runs again",
    starts,
    [...effects, { run: "r", step: "a", token: "t3" }],
    life(started, finished, ended),
    { repeated: ["r a ran again after it was finished"] },
  ],
  ["it is finished twice", starts, effects, life(started, finished, finished, ended), { repeated: ["r a was finished 2 times"] }],
  ["it began twice", starts, effects, life(started, started, finished, ended), { repeated: ["r began 2 times"] }],
  ["it ended twice", starts, effects, life(started, finished, ended, ended), { repeated: ["r ended 2 times"] }],
  ["it goes on after its end", starts, effects, life(started, ended, finished), { missing: ["the end of r"] }],
  ["it never ended", starts, effects, life(started, finished), { missing: ["the end of r"] }],
  ["a key has a second run", [...starts, { kind: "receipt", id: "l", runId: "r" }] as Start[], effects, life(started, finished, ended), 1],
  ["nobody asked for it", [], effects, life(started, finished, ended), { foreign: ["the run r"] }],
  ["it is not there", starts, effects, [], { missing: ["the run r"] }],
  ["it gives back what no step made", starts, effects.slice(0, 1), life(started, finished, ended), { altered: ["r a: nobody made t2"] }],
])("runs: %s", (_what, given, made, events, wrong) => {
  const expected = wrong === 1 ? { repeated: ["1 keys have the run of another"] } : wrong;
  expect(checkRuns("w", given, made, events)).toEqual({ ...NOTHING_WRONG, ...expected });
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
