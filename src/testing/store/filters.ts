import assert from "node:assert/strict";
import { CHANNELS, type NewEvent, type StoredEvent } from "../../events/event.ts";
import { parseFilter, seenBy } from "../../events/filter.ts";
import { anEvent, aStep, type Body, type Subject } from "./subject.ts";

/** A filter as it is written. */
interface Asked {
  readonly type?: readonly string[];
  readonly channel?: readonly string[];
  readonly workflow?: readonly string[];
  readonly runId?: readonly string[];
  readonly sessionId?: readonly string[];
  readonly userId?: readonly string[];
  readonly correlationId?: readonly string[];
  readonly broadcast?: "include" | "only";
  readonly since?: number;
  readonly until?: number;
  /** Only what this user may see. */
  readonly seenBy?: string;
}

/** Reading by filter, compared with a look at each event. */
export const filterCases: Readonly<Record<string, Body>> = {
  "[log.12] every field of a filter, alone and with others, finds what a look at each event finds": async (subject) => {
    const recorded = await record(subject);
    for (const asked of FILTERS) await compare(subject, recorded, asked);
    await subject.reopen();
    for (const asked of FILTERS) await compare(subject, recorded, asked);
  },

  "[log.12] after the oldest half is trimmed, filters find what is left": async (subject) => {
    const recorded = await record(subject);
    await subject.log.trim(recorded.length / 2);
    const left = recorded.slice(recorded.length / 2);
    for (const asked of FILTERS) await compare(subject, left, asked);
    await subject.reopen();
    await subject.log.append(anEvent({ type: "UNLIKE_ANY" }));
    await subject.log.trim(recorded.length);
    for (const asked of FILTERS.filter(({ type, runId }) => type !== undefined && runId !== undefined))
      assert.deepEqual(await subject.all(filterOf(asked)), []);
  },
};

const FILTERS: readonly Asked[] = [
  {},
  { type: ["*"] },
  { type: ["a"] },
  { type: ["a.*"] },
  { type: ["a.b.*", "ab"] },
  { type: ["a.*", "a.b", "step.*"] },
  { type: ["missing", "missing.*"] },
  { channel: ["api"] },
  { channel: ["cli", "mcp"] },
  { workflow: ["w1", "w2"] },
  { runId: ["r1"] },
  { runId: ["r1", "r2", "missing"] },
  { sessionId: ["s1"] },
  { userId: ["u1", "u,2"] },
  { correlationId: ["id-7"] },
  { correlationId: ["c1", "id-40", "missing"] },
  { broadcast: "only" },
  { broadcast: "include" },
  { broadcast: "include", runId: ["r1"] },
  { broadcast: "only", type: ["a.*"] },
  { type: ["a.*"], channel: ["api", "app"], userId: ["u1"] },
  { type: ["step.*"], runId: ["r2"], workflow: ["w1"] },
  { sessionId: ["s1", "s2"], correlationId: ["c1"], broadcast: "include" },
  { since: 40, until: 90 },
  { type: ["a"], since: 25 },
  { runId: ["r1", "r3"], until: 70 },
  { broadcast: "include", type: ["ab"], since: 10, until: 200 },
  { seenBy: "u1" },
  { seenBy: "nobody" },
  { seenBy: "u1", userId: ["u1", "u,2"] },
  { seenBy: "u,2", type: ["a.*"], broadcast: "include" },
  { seenBy: "u1", broadcast: "only", since: 40 },
];

/** Records events of every kind; the same ones each time. */
async function record(subject: Subject): Promise<readonly StoredEvent[]> {
  const random = lehmer();
  const one = <Value>(...values: readonly Value[]): Value => values[Math.floor(random() * values.length)] as Value;
  const recorded: StoredEvent[] = [];
  for (let n = 1; n <= 300; n++) {
    const id = `id-${n}`;
    const correlationId = one(undefined, id, id, "c1", "c2", `id-${Math.ceil(n / 2)}`, `id-${n + 5}`);
    const fields = {
      workflowName: one(undefined, "w1", "w2"),
      runId: one(undefined, "r1", "r2", "r3"),
      sessionId: one(undefined, "s1", "s2"),
      userId: one(undefined, "u1", "u,2"),
      correlationId,
    };
    const event: NewEvent = {
      ...(one(true, true, false) ? anEvent({ type: one("a", "a.b", "a.b.c", "ab", "A") }) : aStep(one("r1", "r2"))),
      id,
      channel: one(...CHANNELS),
      ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
      ...(one(true, false, false, false) && { broadcast: true as const }),
      visibility: one("public", "owner", "owner", "operators"),
    };
    subject.clock.now += one(0, 0, 1, 2);
    const { sequence, timestamp } = await subject.log.append(event);
    recorded.push({ ...event, sequence, timestamp });
  }
  return recorded;
}

/** Reads both ways, in pages of several sizes, and looks at each event instead. */
async function compare(subject: Subject, recorded: readonly StoredEvent[], asked: Asked): Promise<void> {
  const filter = filterOf(asked);
  const expected = recorded.filter((event) => isAsked(event, asked)).map(({ sequence }) => sequence);
  const { floor, sequence: head } = await subject.log.head();
  for (const limit of [1, 7, 1000]) {
    for (const order of ["asc", "desc"] as const) {
      const found: number[] = [];
      for (let at = order === "asc" ? 0 : head; ; ) {
        const { events, next, upToDate } = await subject.log.read({ after: at, filter, limit, order });
        assert.ok(events.length <= limit && (upToDate || events.length > 0));
        found.push(...events.map(({ sequence }) => sequence));
        at = next;
        if (upToDate) break;
      }
      assert.deepEqual(found, order === "asc" ? expected : expected.toReversed(), `${JSON.stringify(asked)}, ${order}, pages of ${limit}`);
    }
  }
  assert.equal((await subject.log.read({ after: head, filter, order: "desc", limit: 1000 })).next, floor);
}

/** Times in FILTERS count from the clock's start, so that they hold for every run. */
const START = 1_700_000_000_000;

function filterOf({ since, until, seenBy: userId, ...fields }: Asked): ReturnType<typeof parseFilter> {
  const filter = parseFilter(
    { ...fields, ...(since !== undefined && { since: START + since }), ...(until !== undefined && { until: START + until }) },
    { times: true },
  );
  return userId === undefined ? filter : seenBy(filter, { userId, sees: (event) => isSeen(event, userId) });
}

function isSeen({ visibility, userId }: Pick<NewEvent, "visibility" | "userId">, by: string): boolean {
  return visibility === "public" || (visibility === "owner" && userId === by);
}

/** The grammar once more, as plainly as can be. */
function isAsked(event: StoredEvent, asked: Asked): boolean {
  if (asked.seenBy !== undefined && !isSeen(event, asked.seenBy)) return false;
  if (asked.since !== undefined && event.timestamp < START + asked.since) return false;
  if (asked.until !== undefined && event.timestamp >= START + asked.until) return false;
  const has = (value: string | undefined, values: readonly string[] | undefined): boolean =>
    values === undefined || (value !== undefined && values.includes(value));
  const type =
    asked.type === undefined ||
    asked.type.some((pattern) =>
      pattern === "*" ? true : pattern.endsWith(".*") ? event.type.startsWith(pattern.slice(0, -1)) : pattern === event.type,
    );
  const matches =
    type &&
    has(event.channel, asked.channel) &&
    has(event.workflowName, asked.workflow) &&
    has(event.runId, asked.runId) &&
    has(event.sessionId, asked.sessionId) &&
    has(event.userId, asked.userId) &&
    has(event.correlationId, asked.correlationId);
  if (asked.broadcast === "only") return matches && event.broadcast === true;
  return matches || (asked.broadcast === "include" && event.broadcast === true);
}

/** Numbers in [0, 1) that are the same in every run. @see Park and Miller, "Random number generators: good ones are hard to find", 1988. */
function lehmer(): () => number {
  let state = 20_261_125;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
