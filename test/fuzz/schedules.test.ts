import fc from "fast-check";
import { defineWorkflow, memoryStore, Nexus, NexusError } from "nexus-event-system";
import { afterAll, beforeAll, expect } from "vitest";
import { silent } from "../http/fixtures/site.ts";
import { type TestClock, testClock } from "../workflows/test-clock.ts";
import { fuzz } from "./fuzz.ts";
import { json, nearly, text } from "./values.ts";

const tick = defineWorkflow("tick", () => 1);
const [MINUTE, DAY] = [60_000, 86_400_000];

let app: Nexus;
let clock: TestClock;
let names = 0;

beforeAll(async () => {
  // Not started: nothing fires, and time stands where each input puts it.
  clock = testClock(Date.parse("2026-01-01T00:00:00Z"));
  app = new Nexus({ store: memoryStore(), logger: silent, workflows: [tick], clock }) as Nexus;
  await app.open();
});

afterAll(() => app.stop({ deadlineMs: 0 }));

/** When it is due next after a moment, as the app shows it; or that it is refused, and why. */
async function due(at: number, options: object): Promise<number | string> {
  clock.advance(at - clock.now());
  const name = `s-${names++}`;
  let remove: () => void;
  try {
    remove = app.schedule(name, { workflow: tick, ...options } as never);
  } catch (error) {
    if (!NexusError.is(error, "OPTION_INVALID")) throw error;
    expect([error.details.reason.length > 0, Object.keys(options).includes(error.details.option)]).toEqual([true, true]);
    return error.details.option;
  }
  try {
    const response = await app.fetch(new Request("http://127.0.0.1/schedules"));
    const { schedules } = (await response.json()) as { schedules: readonly { name: string; nextAt: number }[] };
    return schedules.find((each) => each.name === name)?.nextAt ?? "not shown";
  } finally {
    remove();
  }
}

const moment = fc.integer({ min: Date.parse("2024-01-01T00:00:00Z"), max: Date.parse("2031-12-31T00:00:00Z") });

/** The values of a field, and how they are written. */
interface Field {
  readonly text: string;
  readonly values: ReadonlySet<number>;
}

function range(from: number, to: number, step: number = 1): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, n) => from + n * step);
}

function star(from: number, to: number): fc.Arbitrary<Field> {
  return fc.constant({ text: "*", values: new Set(range(from, to)) });
}

function fieldOf(from: number, to: number, words: readonly string[] = []): fc.Arbitrary<Field> {
  const value = fc.integer({ min: from, max: to });
  const word = (n: number): string => words[n - from] ?? String(n);
  const item = fc.oneof(
    value.map((n) => ({ text: word(n), values: [n] })),
    fc
      .tuple(value, value)
      .map(([a, b]) => ({ text: `${Math.min(a, b)}-${Math.max(a, b)}`, values: range(Math.min(a, b), Math.max(a, b)) })),
    fc.tuple(value, value, fc.integer({ min: 1, max: to - from })).map(([a, b, step]) => ({
      text: `${Math.min(a, b)}-${Math.max(a, b)}/${step}`,
      values: range(Math.min(a, b), Math.max(a, b), step),
    })),
  );
  return fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => ({
    text: items.map((each) => each.text).join(","),
    values: new Set(items.flatMap((each) => each.values)),
  }));
}

function steps(from: number, to: number): fc.Arbitrary<Field> {
  return fc.integer({ min: 1, max: to - from }).map((step) => ({ text: `*/${step}`, values: new Set(range(from, to, step)) }));
}

const time = (to: number): fc.Arbitrary<Field> => fc.oneof(star(0, to), steps(0, to), fieldOf(0, to));
const MONTHS = ["jan", "FEB", "mar", "APR", "May", "jun", "JUL", "aug", "sep", "Oct", "nov", "dec"];
const DAYS = ["sun", "MON", "tue", "Wed", "thu", "fri", "sat"];
const expression = fc.record({
  second: fc.option(time(59)),
  minute: time(59),
  hour: time(23),
  // To 28, so that every month has it, and a year shows all there is to show.
  day: fc.oneof(star(1, 31), fieldOf(1, 28)),
  month: fc.oneof(star(1, 12), fieldOf(1, 12, MONTHS)),
  weekday: fc.oneof(star(0, 6), fieldOf(0, 6, DAYS)),
});
type Expression = typeof expression extends fc.Arbitrary<infer Of> ? Of : never;

function written({ second, minute, hour, day, month, weekday }: Expression): string {
  return [second, minute, hour, day, month, weekday].flatMap((field) => (field === null ? [] : field.text)).join(" ");
}

/** Looks at one day, hour, minute and second after the other. @param offsetMs of the zone, which has no summer time. */
function nextByLooking(after: number, { second, minute, hour, day, month, weekday }: Expression, offsetMs: number): number | undefined {
  const seconds = second?.values ?? new Set([0]);
  const first = Math.floor((after + offsetMs) / DAY) * DAY;
  for (let at = first; at <= first + 367 * DAY; at += DAY) {
    const date = new Date(at);
    const [inDays, inWeek] = [day.values.has(date.getUTCDate()), weekday.values.has(date.getUTCDay())];
    const fits = day.text !== "*" && weekday.text !== "*" ? inDays || inWeek : inDays && inWeek;
    if (!fits || !month.values.has(date.getUTCMonth() + 1)) continue;
    for (const h of range(0, 23)) {
      if (!hour.values.has(h)) continue;
      for (const m of range(0, 59)) {
        if (!minute.values.has(m)) continue;
        const found = range(0, 59).find((s) => seconds.has(s) && at + ((h * 60 + m) * 60 + s) * 1_000 - offsetMs > after);
        if (found !== undefined) return at + ((h * 60 + m) * 60 + found) * 1_000 - offsetMs;
      }
    }
  }
  return undefined;
}

const ZONES = [
  [undefined, 0],
  ["UTC", 0],
  ["Asia/Kolkata", 330],
  ["Asia/Kathmandu", 345],
  ["Etc/GMT+12", -720],
  ["Pacific/Kiritimati", 840],
] as const;

fuzz(
  "[run.8] a schedule is due when looking at every second says so",
  300,
  [expression, moment, fc.constantFrom(...ZONES)],
  async (given, after, [timeZone, minutes]) => {
    const cron = written(given);
    const wanted = nextByLooking(after, given, minutes * MINUTE);
    expect([cron, await due(after, { cron, timeZone })]).toEqual([cron, wanted]);
  },
);

/** Where clocks go forward and back, at hours of their own and by half an hour too. */
const CHANGES = [
  ["Europe/Berlin", "2027-03-28T01:00:00Z"],
  ["Europe/Berlin", "2027-10-31T01:00:00Z"],
  ["America/New_York", "2026-03-08T07:00:00Z"],
  ["America/New_York", "2026-11-01T06:00:00Z"],
  ["Australia/Lord_Howe", "2026-10-03T15:30:00Z"],
  ["Australia/Lord_Howe", "2027-04-03T15:00:00Z"],
  ["America/Santiago", "2026-09-06T04:00:00Z"],
  ["America/Santiago", "2027-04-04T03:00:00Z"],
] as const;

/** Each minute of some days around a change, with what clocks there show. */
function minutesAround(zone: string, at: number): readonly { readonly at: number; readonly date: string; readonly of: number }[] {
  const format = new Intl.DateTimeFormat("en-CA", { timeZone: zone, hourCycle: "h23", dateStyle: "short", timeStyle: "short" });
  return range(at - 2 * DAY, at + 3 * DAY, MINUTE).map((minute) => {
    const [, date = "", hour, of] = /^(\S+), (\d+):(\d+)/.exec(format.format(minute)) ?? [];
    return { at: minute, date, of: Number(hour) * 60 + Number(of) };
  });
}
const around = new Map(CHANGES.map(([zone, at]) => [zone + at, minutesAround(zone, Date.parse(at))]));

fuzz(
  "[run.8] around the days when clocks are set, a time of day is due once, and what is due every so often is due all through",
  300,
  [fc.constantFrom(...CHANGES), fc.integer({ min: -DAY, max: DAY }), time(23), time(59)],
  async ([timeZone, change], from, hour, minute) => {
    const minutes = around.get(timeZone + change) as ReturnType<typeof minutesAround>;
    const after = Date.parse(change) + from;
    const isTimeOfDay = /^\d+$/.test(hour.text) && /^\d+$/.test(minute.text);
    const cron = `${minute.text} ${hour.text} * * *`;
    let wanted: number | undefined;
    if (isTimeOfDay) {
      const of = Number(hour.text) * 60 + Number(minute.text);
      const dates = [...new Set(minutes.map(({ date }) => date))].slice(1);
      // Where the day leaves it out, as soon as it is past.
      const days = dates.map((date) => {
        const all = minutes.filter((each) => each.date === date);
        return (all.find((each) => each.of === of) ?? all.find((each) => each.of > of))?.at as number;
      });
      wanted = days.find((at) => at > after);
    } else
      wanted = minutes.find((each) => each.at > after && hour.values.has(Math.floor(each.of / 60)) && minute.values.has(each.of % 60))?.at;
    expect([cron, timeZone, new Date(after), await due(after, { cron, timeZone })]).toEqual([cron, timeZone, new Date(after), wanted]);
  },
);

const PARTS = ["*", "/", "-", ",", " ", "L", "W", "#", "?", "+", "0", "31", "60", "SUN", "@", "\t", "\n", "2030-01-01", "T", "Z"];
const nearlyCron = fc.oneof(
  nearly(expression.map(written), PARTS),
  fc.string({ unit: fc.constantFrom(...PARTS), maxLength: 14 }),
  fc
    .array(
      fc.constantFrom(
        "*",
        "0",
        "1-5",
        "*/7",
        "31",
        "L",
        "LW",
        "5#2",
        "5#L",
        "+1",
        "?",
        "15W",
        "FEB",
        "2030",
        "9999",
        "0-59/0",
        "59-0",
        "99999999999",
      ),
      { minLength: 4, maxLength: 8 },
    )
    .map((parts) => parts.join(" ")),
  fc.constantFrom(
    "@yearly",
    "@reboot",
    "@nonesuch",
    "0 0 31 2 *",
    "0 0 29 2 *",
    "2030-01-23T00:00:00",
    "9999-12-31T23:59:59",
    "2030-02-30T00:00:00",
  ),
  text,
  json,
);
const zone = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(undefined, "UTC", "Europe/Berlin") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "europe/berlin",
      "+01:00",
      "-23:59",
      "+0100",
      "GMT+1",
      "Etc/GMT-14",
      "CET",
      "EST5EDT",
      "Antarctica/Troll",
      "",
      "local",
    ),
  },
  { weight: 1, arbitrary: nearly(fc.constantFrom("Europe/Berlin", "UTC")) },
  { weight: 1, arbitrary: json },
);

fuzz(
  "[run.8] what is nearly a cron expression or a time zone is due at a time to come, or refused at once by the option that is wrong",
  500,
  [nearlyCron, zone, moment],
  async (cron, timeZone, after) => {
    const told = await due(after, { cron, timeZone });
    if (typeof told === "string") expect(["cron", "timeZone"]).toContain(told);
    else expect(told).toBeGreaterThan(after);
  },
);

const CENTURY_MS = 36_525 * 86_400_000;

fuzz(
  "[run.8] every so many milliseconds is due at the next multiple since the epoch, and anything else is refused",
  300,
  [fc.oneof(fc.integer({ min: 1, max: CENTURY_MS }), json), moment],
  async (everyMs, after) => {
    const isTaken = Number.isInteger(everyMs) && (everyMs as number) >= 1 && (everyMs as number) <= CENTURY_MS;
    expect(await due(after, { everyMs })).toBe(isTaken ? after - (after % (everyMs as number)) + (everyMs as number) : "everyMs");
  },
  [[{ toString: 0 }, 1_704_067_200_000]],
);
