import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NewEvent, StoredEvent } from "../../src/events/event.ts";
import { type Filter, parseFilter } from "../../src/events/filter.ts";

function anEvent(fields?: Partial<StoredEvent>): StoredEvent {
  return {
    id: "1",
    sequence: 1,
    timestamp: 1000,
    type: "DATA_PROCESSED",
    channel: "api",
    source: "test/abc123",
    visibility: "operators",
    data: {},
    ...fields,
  };
}

function read(input: Readonly<Record<string, unknown>>): Filter {
  return parseFilter(input, { times: true });
}

const matches = (input: Readonly<Record<string, unknown>>, fields?: Partial<StoredEvent>): boolean => read(input).matches(anEvent(fields));

/** The error, by field and reason. */
function refusal(input: Readonly<Record<string, unknown>>, options?: { readonly times?: boolean }): unknown {
  try {
    parseFilter(input, options);
  } catch (error) {
    return error;
  }
  throw new Error(`${JSON.stringify(input).slice(0, 200)} was taken`);
}

const invalid = (field: string, reason: RegExp = /./): object => ({
  code: "FILTER_INVALID",
  details: { field, reason: expect.stringMatching(reason) as unknown },
  message: expect.stringContaining(field) as unknown,
});

describe("fields", () => {
  const own: readonly [string, keyof NewEvent, string][] = [
    ["type", "type", "DATA_PROCESSED"],
    ["channel", "channel", "cli"],
    ["workflow", "workflowName", "w"],
    ["runId", "runId", "r"],
    ["sessionId", "sessionId", "s"],
    ["userId", "userId", "u"],
    ["correlationId", "correlationId", "c"],
  ];

  test.each(own)("%s is compared with the event's %s", (field, property, value) => {
    expect(matches({ [field]: value }, { [property]: value })).toBe(true);
    expect(matches({ [field]: [value] }, { [property]: value })).toBe(true);
    expect(matches({ [field]: value }, { [property]: "other" })).toBe(false);
  });

  test("an event without the field does not match, whatever the value", () => {
    for (const field of ["workflow", "runId", "sessionId", "userId", "correlationId"]) {
      for (const value of ["undefined", "null", "*"]) expect(matches({ [field]: value })).toBe(false);
    }
  });

  test("data never takes the place of a field", () => {
    expect(matches({ runId: "r" }, { data: { runId: "r" } })).toBe(false);
    expect(matches({ type: "x" }, { data: { type: "x" } })).toBe(false);
  });

  test("an unknown field is FILTER_INVALID naming it", () => {
    for (const field of ["id", "workflowName", "run_id", "Type", "after", "limit", "visibility", "constructor", "toString"])
      expect(refusal({ [field]: "x" })).toMatchObject(invalid(field));
    expect(refusal(JSON.parse('{"__proto__": "x"}') as Record<string, unknown>)).toMatchObject(invalid("__proto__"));
  });
});

describe("values", () => {
  test("a value is a string or a non-empty array of strings", () => {
    for (const value of [1, true, null, {}, [1], ["a", null], [["a"]]]) expect(refusal({ runId: value })).toMatchObject(invalid("runId"));
    expect(refusal({ runId: [] })).toMatchObject(invalid("runId", /empty/));
  });

  test("an empty value is FILTER_INVALID", () => {
    for (const value of ["", [""], ["a", ""]]) expect(refusal({ userId: value })).toMatchObject(invalid("userId", /empty/));
  });

  test("a field that is undefined is not there", () => {
    expect(read({ type: undefined, since: undefined, unknown: undefined }).key).toBe(read({}).key);
  });

  test("values of a field: any of them; fields: all of them", () => {
    const filter = { runId: ["r1", "r2"], channel: ["api", "mcp"] };
    expect(matches(filter, { runId: "r2", channel: "mcp" })).toBe(true);
    expect(matches(filter, { runId: "r3", channel: "mcp" })).toBe(false);
    expect(matches(filter, { runId: "r1", channel: "cli" })).toBe(false);
    expect(matches(filter, { channel: "api" })).toBe(false);
  });

  test("case matters", () => {
    expect(matches({ type: "data_processed" })).toBe(false);
    expect(matches({ runId: "R" }, { runId: "r" })).toBe(false);
    expect(refusal({ channel: "API" })).toMatchObject(invalid("channel"));
  });

  test("an empty filter matches all", () => {
    expect(matches({})).toBe(true);
    expect(matches({}, { broadcast: true, runId: "r" })).toBe(true);
  });

  test("a comma or a blank in JSON is a character like any other", () => {
    expect(matches({ userId: "a, b" }, { userId: "a, b" })).toBe(true);
    expect(matches({ userId: "a,b" }, { userId: "a" })).toBe(false);
  });

  test("a channel is one there is", () => {
    for (const channel of ["api", "cli", "mcp", "app", "schedule"])
      expect(matches({ channel }, { channel: "app" })).toBe(channel === "app");
    expect(refusal({ channel: ["api", "slack"] })).toMatchObject(invalid("channel", /slack/));
  });
});

describe("type", () => {
  test.each([
    ["a.*", "a.b", true],
    ["a.*", "a.b.c", true],
    ["a.*", "a.", true],
    ["a.*", "a", false],
    ["a.*", "ab", false],
    ["a.*", "A.b", false],
    ["a.b.*", "a.b.c.d", true],
    ["a.b.*", "a.c", false],
    ["a", "a", true],
    ["a", "a.b", false],
    ["*", "anything.at_all", true],
    ["a-b_c.0", "a-b_c.0", true],
    ["a.b", "aXb", false],
  ])("%s and an event of type %s: %s", (type, of, expected) => {
    expect(matches({ type }, { type: of })).toBe(expected);
    expect(matches({ type: ["other", type] }, { type: of })).toBe(expected);
  });

  test("there is no other wildcard", () => {
    for (const type of [
      "a*",
      "*a",
      "a.*.b",
      "**",
      ".**",
      "a.?",
      "a b",
      "a,b",
      "a/b",
      "é",
      "a\n",
      ".*".repeat(2),
      `${"a".repeat(129)}`,
      `${"a".repeat(127)}.*`,
    ]) {
      expect(refusal({ type })).toMatchObject(invalid("type", /NAME, PREFIX\.\* or \*/));
    }
    for (const type of ["a".repeat(128), `${"a".repeat(126)}.*`]) expect(() => read({ type })).not.toThrow();
  });
});

describe("broadcast", () => {
  const cases: readonly [string | undefined, boolean, boolean, boolean, boolean][] = [
    // broadcast, and whether it admits: matching, matching broadcast, other, other broadcast
    [undefined, true, true, false, false],
    ["include", true, true, false, true],
    ["only", false, true, false, false],
  ];
  test.each(cases)("%s", (broadcast, matching, matchingBroadcast, other, otherBroadcast) => {
    const filter = { type: "DATA_PROCESSED", ...(broadcast !== undefined && { broadcast }) };
    expect(matches(filter)).toBe(matching);
    expect(matches(filter, { broadcast: true })).toBe(matchingBroadcast);
    expect(matches(filter, { type: "OTHER" })).toBe(other);
    expect(matches(filter, { type: "OTHER", broadcast: true })).toBe(otherBroadcast);
  });

  test("alone, include makes no difference and only admits every broadcast", () => {
    expect([
      matches({ broadcast: "include" }),
      matches({ broadcast: "only" }),
      matches({ broadcast: "only" }, { broadcast: true }),
    ]).toEqual([true, false, true]);
  });

  test("it is include or only", () => {
    for (const value of ["exclude", "true", ["include", "only"], true])
      expect(refusal({ broadcast: value })).toMatchObject(invalid("broadcast"));
  });
});

describe("since and until", () => {
  test("since <= timestamp < until", () => {
    const admitted = (input: Readonly<Record<string, unknown>>): number[] =>
      [999, 1000, 1001].filter((timestamp) => matches(input, { timestamp }));
    expect(admitted({ since: 1000 })).toEqual([1000, 1001]);
    expect(admitted({ until: 1000 })).toEqual([999]);
    expect(admitted({ since: 1000, until: 1001 })).toEqual([1000]);
    expect(admitted({ since: 1000, until: 1000 })).toEqual([]);
  });

  test("a broadcast outside of the time is not included", () => {
    expect(matches({ since: 2000, broadcast: "include" }, { broadcast: true })).toBe(false);
  });

  test.each([
    ["2026-11-23T10:00:00Z", Date.UTC(2026, 10, 23, 10)],
    ["2026-11-23t10:00:00z", Date.UTC(2026, 10, 23, 10)],
    ["2026-11-23T10:00:00.123456789Z", Date.UTC(2026, 10, 23, 10, 0, 0, 123)],
    ["2026-11-23T10:00:00+05:30", Date.UTC(2026, 10, 23, 4, 30)],
    ["2026-11-23T10:00:00-00:30", Date.UTC(2026, 10, 23, 10, 30)],
    ["1700000000000", 1_700_000_000_000],
    [1_700_000_000_000, 1_700_000_000_000],
    [0, 0],
    [new Date(5), 5],
  ])("%s is a moment", (value, expected) => {
    expect(read({ since: value }).since).toBe(expected);
    expect(read({ until: value }).until).toBe(expected);
  });

  test("what has no zone, or is no moment, is FILTER_INVALID", () => {
    for (const value of [
      "2026-11-23",
      "2026-11-23T10:00:00",
      "2026-13-01T00:00:00Z",
      "2026-02-30T25:00:00Z",
      "yesterday",
      "",
      " ",
      "1e3",
      "-1",
      Number.NaN,
      Number.POSITIVE_INFINITY,
      new Date(Number.NaN),
      true,
      null,
      ["0"],
    ]) {
      expect(refusal({ since: value }, { times: true })).toMatchObject(invalid("since"));
    }
  });

  test("outside of bounded reads they are FILTER_INVALID, and the reason says what to use", () => {
    expect(refusal({ since: 1 })).toMatchObject(invalid("since", /after=time:/));
    expect(refusal({ until: 1 }, {})).toMatchObject(invalid("until", /after=time:/));
  });
});

describe("bounds", () => {
  const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `v${n}`);

  test("64 values a field", () => {
    expect(() => read({ runId: many(64), userId: many(64) })).not.toThrow();
    expect(refusal({ runId: many(65) })).toMatchObject(invalid("runId", /64/));
  });

  test("8 KiB in all, in bytes of UTF-8", () => {
    expect(() => read({ runId: "x".repeat(8192 - "runId".length) })).not.toThrow();
    expect(refusal({ runId: "x".repeat(8192) })).toMatchObject(invalid("runId", /8192/));
    expect(refusal({ runId: "é".repeat(4095) })).toMatchObject(invalid("runId", /8192/));
    expect(refusal({ runId: "x".repeat(5000), userId: "x".repeat(5000) })).toMatchObject(invalid("userId", /8192/));
  });
});

test("filters that mean the same have the same key, and others have not", () => {
  const key = (input: Readonly<Record<string, unknown>>): string => read(input).key;
  expect(key({ runId: ["a", "b"], type: "t" })).toBe(key({ type: ["t"], runId: ["b", "a", "a"] }));
  const different = [
    {},
    { type: "t" },
    { type: "u" },
    { runId: "t" },
    { type: ["t", "u"] },
    { broadcast: "only" },
    { broadcast: "include" },
    { since: 1 },
    { until: 1 },
    { type: "t", since: 1 },
  ];
  expect(new Set(different.map(key)).size).toBe(different.length);
});

test("whatever is given, it is a filter or FILTER_INVALID", () => {
  const field = fc.oneof(fc.constantFrom("type", "channel", "workflow", "runId", "broadcast", "since", "until"), fc.string());
  const value = fc.oneof(fc.string(), fc.array(fc.string()), fc.anything());
  fc.assert(
    fc.property(fc.dictionary(field, value, { maxKeys: 4 }), (input) => {
      try {
        expect(typeof read(input).matches(anEvent())).toBe("boolean");
      } catch (error) {
        expect(error).toMatchObject({ code: "FILTER_INVALID" });
      }
    }),
  );
});
