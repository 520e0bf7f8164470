import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { defineWorkflow, memoryStore, Nexus, type NexusEvent, type Store, sqliteStore } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { silent } from "../http/fixtures/site.ts";
import { guarded, type Person } from "./fixtures/people.ts";

interface Emitted {
  readonly type: string;
  readonly owner?: string;
  readonly visibility?: "public" | "owner" | "operators";
  readonly broadcast: boolean;
}

const emitted: fc.Arbitrary<Emitted> = fc.record(
  {
    type: fc.constantFrom("order.paid", "order.sent", "row"),
    owner: fc.constantFrom("ann", "bob", "carl"),
    visibility: fc.constantFrom("public", "owner", "operators"),
    broadcast: fc.boolean(),
  },
  { requiredKeys: ["type", "broadcast"] },
);

const FILTERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { type: "order.*" },
  { userId: "ann" },
  { type: "row", broadcast: "include" },
  { broadcast: "only" },
];

async function emit(app: Nexus, { type, owner, visibility, broadcast }: Emitted, n: number): Promise<void> {
  await app[broadcast ? "broadcastEvent" : "emitEvent"](type, { n }, { userId: owner, visibility });
}

/** The rule once more, as plainly as it can be said. */
function isSeen(event: NexusEvent, { name }: Person): boolean {
  if (name === "auditor" || name === "operator") return true;
  return event.visibility === "public" || (event.visibility === "owner" && event.userId === name);
}

function isPicked(event: NexusEvent, { type, userId, broadcast }: Readonly<Record<string, string>>): boolean {
  const all =
    (type === undefined || (type.endsWith(".*") ? event.type.startsWith(type.slice(0, -1)) : event.type === type)) &&
    (userId === undefined || event.userId === userId);
  if (broadcast === "include") return all || event.broadcast === true;
  return all && (broadcast !== "only" || event.broadcast === true);
}

const queryOf = (fields: Readonly<Record<string, string>>): string => new URLSearchParams(fields).toString();

/** How each channel brings everything up to an event that all see and each filter picks. */
const CHANNELS: Readonly<Record<string, (who: Person, filter: Readonly<Record<string, string>>) => Promise<number[]>>> = {
  "an event stream": async (who, filter) => {
    await using stream = await who.stream(`/events/stream?${queryOf({ ...filter, after: "earliest" })}`);
    return await upToLast(async () => (await stream.next()).data);
  },
  "a WebSocket": async (who, filter) => {
    await using peer = await who.socket();
    peer.send({ op: "subscribe", id: "1", filter, after: "earliest" });
    return await upToLast(async () => (await peer.kind("event")).event);
  },
  polling: async (who, filter) => {
    const seen: number[] = [];
    for (let after = "earliest"; ; ) {
      const { body } = await who.get(`/events/poll?${queryOf({ ...filter, after, limit: "7" })}`);
      seen.push(...body.events.map(({ sequence }: NexusEvent) => sequence));
      if (body.events.some(isLast)) return seen;
      after = body.cursor;
    }
  },
};

const isLast = ({ data }: NexusEvent): boolean => (data as { last?: boolean }).last === true;

async function upToLast(next: () => Promise<NexusEvent>): Promise<number[]> {
  for (const seen: number[] = []; ; ) {
    const event = await next();
    seen.push(event.sequence);
    if (isLast(event)) return seen;
  }
}

/** All pages, in one direction. */
async function paged(who: Person, filter: Readonly<Record<string, string>>, order: "asc" | "desc", limit: number): Promise<number[]> {
  const seen: number[] = [];
  for (let place: Readonly<Record<string, string>> = order === "asc" ? { after: "earliest" } : {}; ; ) {
    const { body } = await who.get(`/events?${queryOf({ ...filter, ...place, limit: String(limit) })}`);
    const page: number[] = body.events.map(({ sequence }: NexusEvent) => sequence);
    // Full, or the last one: what is another's takes no place on a page.
    expect(page.length === limit || !body.hasMore).toBe(true);
    if (order === "asc") seen.push(...page);
    else seen.unshift(...page);
    if (!body.hasMore) return seen;
    place = order === "asc" ? { after: body.cursor } : { before: body.previous };
  }
}

describe.each(["memory", "sqlite"])("%s", (store) => {
  test("[access.2] [subscription.5] [subscription.6] each sees exactly what is theirs or public, on every channel, in history as live, whatever the filter", {
    timeout: 60_000,
  }, async () => {
    const property = fc.asyncProperty(fc.array(emitted, { minLength: 60, maxLength: 60 }), async (events) => {
      const folder = await mkdtemp(join(tmpdir(), "nexus-sight-"));
      const inMemory = memoryStore();
      const open = (): Store => (store === "memory" ? inMemory : sqliteStore(join(folder, "nexus.db")));
      // What an earlier process recorded is read from the store; what comes, from memory.
      const earlier = new Nexus({ store: open(), logger: silent }) as Nexus;
      for (const [n, event] of events.slice(0, 20).entries()) await emit(earlier, event, n);
      await earlier.stop();
      await using site = await guarded({ store: open() });
      const { app } = site;
      const people = ["ann", "bob", "auditor", "operator"].map((name) => site.as(name));
      for (const [n, event] of events.slice(20, 40).entries()) await emit(app, event, 20 + n);
      const following = people.flatMap((who) =>
        FILTERS.flatMap((filter) => Object.entries(CHANNELS).map(([channel, read]) => ({ who, filter, channel, seen: read(who, filter) }))),
      );
      for (const [n, event] of events.slice(40).entries()) await emit(app, event, 40 + n);
      for (const type of ["order.paid", "row"]) await app.broadcastEvent(type, { last: true }, { userId: "ann" });
      const { events: log } = await app.getEvents({ after: "earliest", limit: 1000 });
      const expected = (who: Person, filter: Readonly<Record<string, string>>): number[] =>
        log.filter((event) => isSeen(event, who) && isPicked(event, filter)).map(({ sequence }) => sequence);
      for (const { who, filter, channel, seen } of following) {
        // Up to the first of the last two that the filter picks.
        const all = expected(who, filter);
        const end = all.indexOf(log.find((event) => isLast(event) && isPicked(event, filter))?.sequence as number) + 1;
        expect((await seen).slice(0, end), `${who.name}, ${channel}, ${queryOf(filter)}`).toEqual(all.slice(0, end));
      }
      for (const who of people)
        for (const filter of FILTERS)
          for (const order of ["asc", "desc"] as const)
            for (const limit of [4, 1000])
              expect(await paged(who, filter, order, limit), `${who.name}, ${order}, ${limit}, ${queryOf(filter)}`).toEqual(
                expected(who, filter),
              );
      await app.stop({ deadlineMs: 0 });
      await rm(folder, { recursive: true });
    });
    await fc.assert(property, { numRuns: 1, seed: 20_261_125, endOnFailure: true });
  });

  test("[access.2] runs are listed as if there were no others: full pages, and nothing of another's on any", async () => {
    const folder = await mkdtemp(join(tmpdir(), "nexus-sight-"));
    await using site = await guarded({ store: store === "memory" ? memoryStore() : sqliteStore(join(folder, "nexus.db")) });
    const begun: Record<string, string[]> = { ann: [], bob: [] };
    for (let n = 0; n < 12; n++) {
      const name = n % 3 === 0 ? "ann" : "bob";
      const { body } = await site.as(name).post("/workflows/double/execute", { inputs: { n } });
      begun[name]?.unshift(body.runId);
    }
    for (const name of ["ann", "bob"]) {
      const runs: string[] = [];
      for (let before: string | undefined; ; ) {
        const { body } = await site.as(name).get(`/runs?limit=3${before === undefined ? "" : `&before=${before}`}`);
        expect(body.runs.length === 3 || !body.hasMore).toBe(true);
        runs.push(...body.runs.map(({ runId }: { runId: string }) => runId));
        if (!body.hasMore) break;
        before = body.previous;
      }
      expect(runs).toEqual(begun[name]);
    }
    expect((await site.as("auditor").get("/runs")).body.runs).toHaveLength(12);
    await site.app.stop({ deadlineMs: 0 });
    await rm(folder, { recursive: true });
  });
});

test("[access.2] what a run emits for everyone does not show the run to anyone else", async () => {
  const herald = defineWorkflow("herald", async (_inputs, ctx) => void (await ctx.broadcastEvent("news", 1)));
  await using site = await guarded({ workflows: [herald] });
  const { runId } = (await site.as("ann").post("/workflows/herald/execute")).body;
  const { events } = (await site.as("bob").get("/events?type=news")).body;
  expect(events).toMatchObject([{ runId, visibility: "public" }]);
  const unknown = "0198f3a4-0000-7000-8000-000000000000";
  for (const path of ["", "/events"]) {
    const other = await site.as("bob").ask("GET", `/runs/${runId}${path}`);
    const none = await site.as("bob").ask("GET", `/runs/${unknown}${path}`);
    expect([other.status, other.text.replaceAll(runId, unknown)]).toEqual([404, none.text]);
  }
});

test("[event.10] what fails in a handler of somebody's event is for operators, not for them", async () => {
  await using site = await guarded();
  site.app.onEvent("a", () => {
    throw new Error("an address inside the house");
  });
  await site.as("ann").post("/events", { type: "a", data: 1 });
  const failed = await site.app.waitForEvent("handler.failed", { after: "earliest" });
  expect(failed).toMatchObject({ userId: "ann", visibility: "operators" });
  expect((await site.as("ann").get("/events?type=handler.failed")).body.events).toEqual([]);
  expect((await site.as("auditor").get("/events?type=handler.failed")).body.events).toHaveLength(1);
});
