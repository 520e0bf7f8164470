import fc from "fast-check";
import { expect, test } from "vitest";
import { type Site, serve } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";

const ENDS = ["completed", "failed", "cancelled"];

type Write = "event" | "double" | "failing" | "waiting" | "cancel";

async function write(site: Site, kind: Write, runs: string[]): Promise<void> {
  if (kind === "event") await site.app.emitEvent("n", 1);
  else if (kind === "cancel") {
    const runId = runs.shift();
    if (runId !== undefined) await site.post(`/runs/${runId}/cancel`);
  } else {
    const { runId } = (await site.post(`/workflows/${kind}/execute?waitMs=0`, { inputs: kind === "double" ? { n: 1 } : {} })).body;
    if (kind === "waiting") runs.push(runId);
  }
}

/** Asks for the path again and again while others write. @returns the answers, and then the whole log. */
async function askedWhileWriting(path: string, writes: readonly Write[]): Promise<{ answers: any[]; log: any[]; watched: any[][] }> {
  await using site = await serve({ workflows: WORKFLOWS });
  const runs: string[] = [];
  await write(site, "waiting", runs);
  const [runId = ""] = runs;
  const answers: any[] = [];
  const writing = (async () => {
    // Several at once, so that answers are made while the log grows.
    for (let n = 0; n < writes.length; n += 3) await Promise.all(writes.slice(n, n + 3).map((kind) => write(site, kind, runs)));
  })();
  let over = false;
  void writing.then(() => (over = true));
  while (!over) answers.push((await site.get(path.replace("{runId}", runId))).body);
  await writing;
  await site.app.emitEvent("end", 1);
  const log = (await site.get("/events?limit=1000&after=earliest")).body.events;
  const last = log.findLast((event: any) => event.type === "end").sequence;
  // Of some: what a stream gives that begins at the answer's cursor.
  const watched = await Promise.all(
    answers.slice(0, 5).map(async ({ cursor }) => {
      await using stream = await Stream.open(`${site.url}/events/stream?after=${cursor}`);
      const events: any[] = [];
      do events.push((await stream.next()).data);
      while (events.at(-1).sequence < last);
      return events.filter((event) => event.sequence <= last);
    }),
  );
  return { answers, log: log.filter((event: any) => event.sequence <= last), watched };
}

function before(log: any[], cursor: string): any[] {
  const sequence = Number(cursor.split(".")[1]);
  return log.filter((event) => event.sequence <= sequence);
}

/** A run's status as its events up to a place tell it; a run that waits counts as one that runs. */
function statusIn(events: any[], runId: string): string | undefined {
  const types = events.filter((event) => event.runId === runId).map((event) => event.type.replace("workflow.", ""));
  if (types.length === 0) return undefined;
  return types.find((type) => ENDS.includes(type)) ?? "running";
}

function shown(run: any): string {
  return ENDS.includes(run.status) ? run.status : "running";
}

const CLAIMS: readonly (readonly [path: string, claim: (answer: any, log: any[]) => void])[] = [
  ["/events?limit=1000", ({ events, cursor }, log) => expect(events).toEqual(before(log, cursor))],
  [
    "/events?limit=1000&order=desc&type=workflow.*",
    ({ events, cursor }, log) =>
      expect(events.toReversed()).toEqual(before(log, cursor).filter((event) => event.type.startsWith("workflow."))),
  ],
  ["/events?limit=3&after=earliest", ({ events, cursor }, log) => expect(events).toEqual(before(log, cursor))],
  [
    "/runs?limit=1000",
    ({ runs, cursor }, log) => {
      const there = before(log, cursor);
      const ids = [...new Set(there.flatMap((event) => event.runId ?? []))];
      expect(Object.fromEntries(runs.map((run: any) => [run.runId, shown(run)]))).toEqual(
        Object.fromEntries(ids.map((id) => [id, statusIn(there, id)])),
      );
    },
  ],
  ["/runs/{runId}", (run, log) => expect(shown(run)).toBe(statusIn(before(log, run.cursor), run.runId))],
  [
    "/runs/{runId}/events?limit=1000",
    ({ events, cursor }, log) => expect(events).toEqual(before(log, cursor).filter((event) => event.runId === events[0].runId)),
  ],
  [
    "/workflows",
    ({ workflows, cursor }, log) =>
      expect(workflows).toHaveLength(before(log, cursor).filter((event) => event.type === "workflow.registered").length),
  ],
];

test.each(CLAIMS)(
  "[subscription.9] GET %s: all before its cursor is in, nothing after it; reading, then watching from there, misses nothing",
  {
    timeout: 60_000,
  },
  async (path, claim) => {
    const kinds = fc.array(fc.constantFrom<Write>("event", "double", "failing", "waiting", "cancel"), { minLength: 10, maxLength: 40 });
    const property = fc.asyncProperty(kinds, async (writes) => {
      const { answers, log, watched } = await askedWhileWriting(path, writes);
      for (const answer of answers) claim(answer, log);
      for (const [n, events] of watched.entries()) expect([...before(log, answers[n].cursor), ...events]).toEqual(log);
    });
    await fc.assert(property, { numRuns: 4, seed: 20_261_124, endOnFailure: true });
  },
);
