import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type Site, serve } from "../http/fixtures/site.ts";
import { trimmedStore } from "../http/fixtures/trimmed-store.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { testClock } from "../workflows/test-clock.ts";
import { type Agent, type AskOptions, CLIENTS } from "./fixtures/clients.ts";

interface Waited {
  readonly events: readonly any[];
  readonly cursor: string;
  readonly hasMore: boolean;
  readonly timedOut: boolean;
}

/** A waiting time that nobody else has: by it the clock knows who waits. */
const LONG = 49_999;

async function wait(agent: Agent, args: object, options: AskOptions = {}): Promise<Waited> {
  const { isError, content, structuredContent } = await agent.call("nexus_wait_for_events", args, options);
  if (isError === true) throw new Error(content[0]?.text);
  return structuredContent;
}

const dataOf = ({ events }: Pick<Waited, "events">): unknown[] => events.map(({ data }) => data);

/** Resolves when readers have what was recorded: a call that came after it was answered. */
async function readersHave(site: Site, data: unknown): Promise<void> {
  await site.app.waitForEvent("n", { after: "earliest", match: { n: data } });
  await site.get("/workflows");
  await setImmediate();
}

describe.each(Object.entries(CLIENTS))("%s", (_client, connect) => {
  test("[mcp.2] a wait answers a tenth of a second after the first match, with all that has come by then", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", { n: 0 });
    const waited = wait(agent, { cursor, filter: { type: "n" } });
    await clock.asleep(25_000);
    await site.app.emitEvent("n", { n: 1 });
    await clock.asleep(100);
    await site.app.emitEvent("other", {});
    await site.app.emitEvent("n", { n: 2 });
    await readersHave(site, 2);
    clock.advance(99);
    await site.app.emitEvent("n", { n: 3 });
    await readersHave(site, 3);
    clock.advance(1);
    const answer = await waited;
    expect([dataOf(answer), answer.hasMore, answer.timedOut]).toEqual([[{ n: 1 }, { n: 2 }, { n: 3 }], false, false]);
    expect(answer.cursor).toBe(answer.events.at(-1).cursor);
    // Nobody is left that waits.
    await Promise.all([clock.awake(25_000), clock.awake(100)]);
  });

  test("[mcp.2] what is there already is answered just so, without waiting for the whole time", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", { n: 0 });
    await site.app.emitEvent("n", { n: 1 });
    const waited = wait(agent, { cursor });
    await clock.asleep(100);
    clock.advance(100);
    expect(dataOf(await waited)).toEqual([{ n: 1 }]);
  });

  test("[mcp.2] when its time is over it answers with nothing, that it timed out, and a newer cursor", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("other", { n: 0 });
    const waited = wait(agent, { cursor, filter: { type: "n" }, waitMs: 1_234 });
    await clock.asleep(1_234);
    const { cursor: newer } = await site.app.emitEvent("other", { n: 1 });
    await site.app.waitForEvent("other", { after: cursor });
    await site.get("/workflows");
    clock.advance(1_234);
    expect(await waited).toEqual({ events: [], cursor: newer, hasMore: false, timedOut: true });
  });

  test("[mcp.2] waitMs 0 asks for what there is; without a place, a wait begins with what comes", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", { n: 1 });
    expect(await wait(agent, { waitMs: 0 })).toEqual({ events: [], cursor, hasMore: false, timedOut: true });
    for (const place of [{ cursor: "earliest" }, { after: "earliest" }, { cursor: "earliest", after: "earliest" }])
      expect(dataOf(await wait(agent, { ...place, filter: { type: "n" }, waitMs: 0 }))).toEqual([{ n: 1 }]);
    const waited = wait(agent, { waitMs: LONG });
    await clock.asleep(LONG);
    await site.app.emitEvent("n", { n: 2 });
    await clock.asleep(100);
    clock.advance(100);
    expect(dataOf(await waited)).toEqual([{ n: 2 }]);
  });

  test("[mcp.2] with stopOn a wait goes on until such an event has come, and ends with it", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", { n: 0 });
    const waited = wait(agent, { cursor, filter: { type: ["n", "end.*"] }, stopOn: ["end.*"], waitMs: LONG });
    await clock.asleep(LONG);
    await site.app.emitEvent("n", { n: 1 });
    await readersHave(site, 1);
    clock.advance(1_000);
    await site.app.emitEvent("n", { n: 2 });
    const end = await site.app.emitEvent("end.well", { n: 3 });
    await site.app.emitEvent("n", { n: 4 });
    const answer = await waited;
    expect([dataOf(answer), answer.cursor, answer.timedOut]).toEqual([[{ n: 1 }, { n: 2 }, { n: 3 }], end.cursor, false]);
    await clock.awake(LONG);
    // From before: up to the end that was there, and what follows is for the next.
    expect(await wait(agent, { cursor, stopOn: ["end.well"], waitMs: LONG })).toMatchObject({ cursor: end.cursor, hasMore: true });
    expect(dataOf(await wait(agent, { cursor: end.cursor, waitMs: 0 }))).toEqual([{ n: 4 }]);
  });

  test("[mcp.2] a stopOn that can match nothing is refused by that name", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    await expect(wait(agent, { stopOn: ["workflow.completed", "no type"] })).rejects.toThrow(
      'FILTER_INVALID: stopOn: "no type" is not NAME',
    );
  });

  test("[mcp.2] a wait with stopOn whose time is over answers with what came, and that it timed out", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", { n: 0 });
    const waited = wait(agent, { cursor, stopOn: ["end"], waitMs: 7_777 });
    await clock.asleep(7_777);
    await site.app.emitEvent("n", { n: 1 });
    await readersHave(site, 1);
    clock.advance(7_777);
    const answer = await waited;
    expect([dataOf(answer), answer.timedOut, answer.cursor]).toEqual([[{ n: 1 }], true, answer.events[0].cursor]);
  });

  test("[mcp.2] one call waits for a run: its events, up to its end, from the cursor that its start was answered with", async () => {
    await using site = await serve({ workflows: WORKFLOWS });
    await using agent = await connect(site.url);
    const { runId, cursor } = (await agent.call("nexus_run_workflow", { workflow: "waiting", waitMs: 0 })).structuredContent;
    const stopOn = ["workflow.completed", "workflow.failed", "workflow.cancelled"];
    const waited = wait(agent, { cursor, filter: { runId }, stopOn });
    await agent.call("nexus_emit_event", { type: "go", data: 1 });
    const { events } = await waited;
    expect([events[0].type, events.at(-1)]).toMatchObject([
      "workflow.started",
      { type: "workflow.completed", runId, data: { result: "gone" } },
    ]);
  });

  test("[mcp.2] an answer has at most 50 events, or as many as are asked for, and says that there are more", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", 0);
    for (let n = 1; n <= 120; n++) void site.app.emitEvent("n", n);
    await site.app.settled();
    const sizes: number[] = [];
    const got: unknown[] = [];
    for (let place = { cursor, hasMore: true }, limits = [50, undefined, 7, 1, undefined]; place.hasMore; limits.shift()) {
      const answer = await wait(agent, { cursor: place.cursor, ...(limits[0] !== undefined && { limit: limits[0] }), waitMs: LONG });
      sizes.push(answer.events.length);
      got.push(...dataOf(answer));
      place = answer;
    }
    expect(sizes).toEqual([50, 50, 7, 1, 12]);
    expect(got).toEqual(Array.from({ length: 120 }, (_, n) => n + 1));
  });

  test("[mcp.2] an answer has at most 32,000 bytes of events, or one event that is larger", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", 0);
    // An é is two bytes.
    const texts = [
      "é".repeat(7_000),
      "b".repeat(14_000),
      "c".repeat(14_000),
      "d".repeat(100_000),
      "e",
      "f".repeat(31_000),
      "g".repeat(31_000),
    ];
    for (const text of texts) await site.app.emitEvent("n", text);
    const answers: string[][] = [];
    for (let place = { cursor, hasMore: true }; place.hasMore; ) {
      const answer = await wait(agent, { cursor: place.cursor, waitMs: LONG });
      const size = answer.events.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0);
      if (answer.events.length > 1) expect(size).toBeLessThanOrEqual(32_000);
      answers.push(answer.events.map(({ data }) => data[0]));
      place = answer;
    }
    expect(answers).toEqual([["é", "b"], ["c"], ["d"], ["e", "f"], ["g"]]);
  });

  test("[mcp.2] lists of events hold no more than that, either, and lead on in both directions", async () => {
    await using site = await serve({ workflows: WORKFLOWS });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", 0);
    const texts = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0") + "x".repeat((n * 977) % 20_000));
    for (const text of texts) await site.app.emitEvent("n", text);
    const list = async (args: object): Promise<any> => {
      const { structuredContent: page } = await agent.call("nexus_list_events", { filter: { type: "n" }, ...args });
      const size = page.events.reduce((sum: number, event: any) => sum + Buffer.byteLength(JSON.stringify(event)), 0);
      if (page.events.length > 1) expect(size).toBeLessThanOrEqual(32_000);
      return page;
    };
    const forward: string[] = [];
    for (let page = { cursor, hasMore: true }; page.hasMore; ) {
      const next = await list({ after: page.cursor });
      forward.push(...next.events.map(({ data }: any) => data));
      page = next;
    }
    expect(forward).toEqual(texts);
    for (const order of ["asc", "desc"]) {
      const back: string[] = [];
      for (let page: any = await list({ order }); ; page = await list({ order, before: page.previous })) {
        const datas = page.events.map(({ data }: any) => data);
        back.unshift(...(order === "asc" ? datas : datas.toReversed()));
        if (!page.hasMore) break;
      }
      expect(back).toEqual([0, ...texts]);
    }
  });

  test("[mcp.2] a place that is gone is the cursor's error, which names the earliest; with onLoss the wait goes on from there", async () => {
    const { store, trim } = trimmedStore();
    await using site = await serve({ store });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", 1);
    const { cursor: second, sequence } = await site.app.emitEvent("n", 2);
    await site.app.emitEvent("n", 3);
    await trim(sequence);
    const { isError, content } = await agent.call("nexus_wait_for_events", { cursor });
    const problem = JSON.parse(content[1]?.text ?? "");
    expect([isError, problem.code, problem.earliest.split(".").slice(0, 2)]).toEqual([
      true,
      "CURSOR_EXPIRED",
      second.split(".").slice(0, 2),
    ]);
    expect(content[0]?.text).toContain(problem.earliest);
    expect(dataOf(await wait(agent, { cursor: problem.earliest, waitMs: 0 }))).toEqual([3]);
    expect(dataOf(await wait(agent, { cursor, onLoss: "earliest", waitMs: 0 }))).toEqual([3]);
  });

  test("[mcp.2] fifty who wait at once all wake at the append", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", { n: 0 });
    const waited = Array.from({ length: 50 }, (_, n) =>
      wait(agent, { cursor, filter: { type: n % 2 === 0 ? "n" : "*" }, waitMs: LONG - n }),
    );
    await Promise.all(waited.map((_, n) => clock.asleep(LONG - n)));
    await site.app.emitEvent("n", { n: 1 });
    for (let left = true; left; ) {
      clock.advance(100);
      left = await Promise.race([Promise.all(waited).then(() => false), site.get("/workflows").then(() => true)]);
    }
    expect((await Promise.all(waited)).map(dataOf)).toEqual(Array(50).fill([{ n: 1 }]));
  });

  test("[mcp.2] a call that is cancelled waits no longer, here or there, and its place is good for the next", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", { n: 0 });
    const given = new AbortController();
    const waited = wait(agent, { cursor, waitMs: LONG }, { signal: given.signal });
    await clock.asleep(LONG);
    given.abort();
    await expect(waited).rejects.toThrow();
    await clock.awake(LONG);
    await site.app.emitEvent("n", { n: 1 });
    expect(dataOf(await wait(agent, { cursor, waitMs: 0 }))).toEqual([{ n: 1 }]);
  });

  test("[mcp.2] a call whose client is gone waits no longer", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    const agent = await connect(site.url);
    const waited = wait(agent, { waitMs: LONG }).catch(() => {});
    await clock.asleep(LONG);
    await agent[Symbol.asyncDispose]();
    await waited;
    await clock.awake(LONG);
    for (;;) if ((await site.get("/health")).body.streams === 0) break;
  });
});
