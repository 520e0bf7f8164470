import fc from "fast-check";
import { expect, test } from "vitest";
import { cuttingProxy } from "../http/fixtures/cutting-proxy.ts";
import { serve } from "../http/fixtures/site.ts";
import { type Agent, CLIENTS, type Connect } from "./fixtures/clients.ts";

const TYPES = ["order.paid", "order.sent", "row", "end"];

interface Wanted {
  readonly filter: { readonly type?: string | readonly string[] };
  readonly stopOn?: readonly string[];
}

/** One call of the wait tool, and what happens to it. */
interface Step {
  /** Of these types events are written before it. */
  readonly before: readonly string[];
  readonly wanted: Wanted;
  readonly limit?: number;
  /** Asks only for what there is; or waits, and then events come, the call is cancelled, the connection is cut. */
  readonly fate: "asked" | "woken" | "cancelled" | "cut";
  /** Whose client goes on. */
  readonly client: string;
}

/** What comes meanwhile: something for everyone. */
const MEANWHILE = ["row", "order.sent", "end"];
const WANTED: readonly Wanted[] = [
  { filter: {} },
  { filter: {}, stopOn: ["end"] },
  { filter: { type: "order.*" } },
  { filter: { type: "order.*" }, stopOn: ["order.sent"] },
  { filter: { type: ["row", "end"] }, stopOn: ["end", "order.*"] },
  { filter: { type: "*" }, stopOn: ["order.*"] },
];

const step = fc.record(
  {
    before: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(fc.constantFrom(...TYPES), { maxLength: 12 }) },
    ),
    wanted: fc.constantFrom(...WANTED),
    limit: fc.integer({ min: 1, max: 9 }),
    fate: fc.constantFrom("asked", "asked", "woken", "cancelled", "cut"),
    client: fc.constantFrom(...Object.keys(CLIENTS)),
  },
  { requiredKeys: ["before", "wanted", "fate", "client"] },
) as fc.Arbitrary<Step>;

const positionOf = (cursor: string): number => Number(cursor.split(".")[1]);
const picks = ({ type = "*" }: Wanted["filter"], event: { readonly type: string }): boolean =>
  [type].flat().some((wanted) => wanted === "*" || wanted === event.type || (wanted === "order.*" && event.type.startsWith("order.")));

test("[mcp.2] whatever is asked for, cancelled, cut off or taken up by another client: each answer is the part of the log that it says, and the next goes on behind it", {
  timeout: 120_000,
}, async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
    await using site = await serve();
    await using proxy = await cuttingProxy(site.port, () => Number.POSITIVE_INFINITY);
    let agent: Agent | undefined;
    let client: string | undefined;
    const answers: { readonly filter: Wanted["filter"]; readonly from: number; readonly to: number; readonly ids: readonly string[] }[] =
      [];
    let { cursor } = await site.app.emitEvent("first", 0);
    for (const { before, wanted, limit, fate, client: next } of steps) {
      for (const type of before) void site.app.emitEvent(type, { text: "x".repeat(type === "row" ? 5_000 : 10) });
      if (client !== next) await agent?.[Symbol.asyncDispose]();
      if (agent === undefined || client !== next) agent = await reached(CLIENTS[next] as Connect, proxy.url);
      client = next;
      const given = new AbortController();
      let waits = (): void => {};
      const waiting = new Promise<void>((resolve) => (waits = resolve));
      const args = { cursor, ...wanted, ...(limit !== undefined && { limit }), waitMs: fate === "asked" ? 0 : 50_000 };
      // It may have been answered, or lost, before it is known to wait.
      const call = agent.call("nexus_wait_for_events", args, { signal: given.signal, onprogress: waits }).catch(() => undefined);
      if (fate !== "asked") await Promise.race([waiting, call]);
      if (fate === "cancelled") given.abort();
      else if (fate !== "asked") for (const type of MEANWHILE) await site.app.emitEvent(type, {});
      if (fate === "cut") proxy.cut();
      const answer = await call;
      if (answer === undefined) {
        if (fate === "cut") {
          await agent[Symbol.asyncDispose]();
          agent = undefined;
        }
        continue;
      }
      const { events, cursor: reachedTo, timedOut } = answer.structuredContent;
      if (fate === "woken") expect(timedOut).toBe(false);
      expect(events.length).toBeLessThanOrEqual(limit ?? 50);
      answers.push({ filter: wanted.filter, from: positionOf(cursor), to: positionOf(reachedTo), ids: events.map(({ id }: any) => id) });
      cursor = reachedTo;
    }
    await agent?.[Symbol.asyncDispose]();
    const { events: log } = await site.app.getEvents({ after: "earliest", limit: 1000 });
    for (const { filter, from, to, ids } of answers) {
      const part = log.filter(({ sequence }) => sequence > from && sequence <= to);
      expect(ids).toEqual(part.filter((event) => picks(filter, event)).map(({ id }) => id));
    }
  });
  await fc.assert(property, { numRuns: 25, seed: 20_261_125, endOnFailure: true });
});

/** A client that has got through: what is left of a connection that was cut may fail it. */
async function reached(connect: Connect, url: string): Promise<Agent> {
  for (;;) {
    const agent = await connect(url, {}, { lists: false }).catch(() => undefined);
    if (agent !== undefined) return agent;
  }
}
