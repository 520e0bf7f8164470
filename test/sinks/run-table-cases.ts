import type { NexusEvent } from "nexus-event-system";
import { runTable } from "nexus-event-system/sinks";
import { expect, test } from "vitest";
import { memoryScene } from "../workflows/scene.ts";
import { deliveryOf, outcome, runEvents } from "./deliveries.ts";

/** A database with a table for runs. */
export interface Tables extends AsyncDisposable {
  readonly db: object;
  /** Runs statements, one after another. */
  run(sql: string): Promise<void>;
  /** The rows of a table, in the order of their beginning; JSON as text. */
  rows(table?: string): Promise<readonly Record<string, unknown>[]>;
}

type Events = readonly NexusEvent<string, any>[];
const of = (events: Events, type: string): NexusEvent<string, any> =>
  events.find((event) => event.type === type) as NexusEvent<string, any>;

async function threeRuns(): Promise<readonly [completed: Events, failed: Events, cancelled: Events]> {
  await using place = memoryScene();
  const app = await place.start();
  return [await runEvents(app, "completed"), await runEvents(app, "failed"), await runEvents(app, "cancelled")];
}

/** What a table of runs promises, on any database. @param open makes an empty table named workflow_logs, as docs/sql.md has it. */
export function runTableCases(open: () => Promise<Tables>): void {
  test("[sink.4] a row is there when its run starts, and whole when it has completed, failed or been cancelled", async () => {
    await using tables = await open();
    const sink = runTable({ db: tables.db });
    const [completed, failed, cancelled] = await threeRuns();
    const started = of(completed, "workflow.started");
    await sink.deliver(started, deliveryOf(started));
    const begun = {
      workflow_name: "import",
      workflow_id: started.runId,
      session_id: "s-1",
      channel: "app",
      user_id: "ann",
      timestamp: new Date(started.timestamp).toISOString(),
      inputs: '{"file":"a.csv"}',
      status: "running",
      duration: null,
      result: null,
      error: null,
    };
    expect(await tables.rows()).toEqual([begun]);
    for (const event of [...completed.slice(1), ...failed, ...cancelled]) await sink.deliver(event, deliveryOf(event));
    const [first, second, third] = await tables.rows();
    expect(first).toEqual({
      ...begun,
      status: "completed",
      duration: of(completed, "workflow.completed").data.durationMs / 1_000,
      result: '{"rows":3}',
    });
    expect(second).toMatchObject({ status: "failed", result: null });
    expect(JSON.parse(second?.["error"] as string)).toMatchObject({ name: "Error", message: "line 3 is <bad> & \u0000 worse" });
    expect(third).toMatchObject({ status: "cancelled", result: null });
    expect(JSON.parse(third?.["error"] as string)).toEqual({ name: "RunCancelled", message: "not wanted" });
    expect(await tables.rows()).toHaveLength(3);
  });

  test("[sink.4] whatever comes twice or late, the rows are the same", async () => {
    const [completed, failed] = await threeRuns();
    const events = [...completed, ...failed];
    const orders: readonly Events[] = [
      events,
      events.flatMap((event) => [event, event]),
      [...events, ...events],
      [...events, ...events.toReversed()],
      events.toReversed(),
    ];
    const tablesOf = await Promise.all(
      orders.map(async (order) => {
        await using tables = await open();
        const sink = runTable({ db: tables.db });
        for (const event of order) await sink.deliver(event, deliveryOf(event));
        return (await tables.rows())
          .map(({ timestamp: _start, ...row }) => row)
          .sort((a, b) => String(a["status"]).localeCompare(String(b["status"])));
      }),
    );
    for (const rows of tablesOf) expect(rows).toEqual(tablesOf[0]);
    expect(tablesOf[0]?.map(({ status }) => status)).toEqual(["completed", "failed"]);
  });

  test("[sink.4] a run that waited is queued, then running from its start", async () => {
    await using tables = await open();
    const sink = runTable({ db: tables.db });
    const started = of((await threeRuns())[0], "workflow.started");
    const queued = { ...started, type: "workflow.queued", id: "q", timestamp: started.timestamp - 5_000 };
    await sink.deliver(queued, deliveryOf(queued));
    expect(await tables.rows()).toMatchObject([{ status: "queued", timestamp: new Date(queued.timestamp).toISOString() }]);
    for (const event of [started, queued]) await sink.deliver(event, deliveryOf(event));
    expect(await tables.rows()).toMatchObject([{ status: "running", timestamp: new Date(started.timestamp).toISOString() }]);
  });

  test("[sink.4] table and columns have the names they are given, whatever those mean in SQL", async () => {
    await using tables = await open();
    await tables.run(
      'CREATE TABLE "order" ("Run" text UNIQUE, "group" text, session_id text, channel text, user_id text, "select" text, inputs text, status text, duration real, result text, error text)',
    );
    const sink = runTable({ db: tables.db, table: "order", columns: { workflow_id: "Run", workflow_name: "group", timestamp: "select" } });
    const [completed] = await threeRuns();
    for (const event of completed) await sink.deliver(event, deliveryOf(event));
    expect(await tables.rows("order")).toMatchObject([{ Run: completed[0]?.runId, group: "import", status: "completed" }]);
    expect(await tables.rows()).toEqual([]);
  });

  test("[sink.4] values are values: nothing in an event is SQL", async () => {
    await using tables = await open();
    const sink = runTable({ db: tables.db });
    const started = of((await threeRuns())[0], "workflow.started");
    const evil = `'); DROP TABLE workflow_logs; --"\u0000`;
    const event = { ...started, data: { inputs: { [evil]: evil } } };
    await sink.deliver(event, deliveryOf(event));
    expect((await tables.rows()).map(({ inputs }) => JSON.parse(inputs as string))).toEqual([{ [evil]: evil }]);
  });

  test("[sink.4] values the table will never take are dead; a missing table is tried again", async () => {
    await using tables = await open();
    const sink = runTable({ db: tables.db });
    const started = of((await threeRuns())[0], "workflow.started");
    await tables.run("ALTER TABLE workflow_logs RENAME TO elsewhere");
    expect((await outcome(sink, started))[0]).toBe("retried");
    await tables.run("ALTER TABLE elsewhere RENAME TO workflow_logs");
    expect((await outcome(sink, started))[0]).toBe("delivered");
    const nameless = { ...started, runId: "other", channel: null as never };
    expect(await outcome(sink, nameless)).toEqual(["dead", expect.stringMatching(/channel/)]);
  });

  test("[sink.4] events that say nothing of a run are passed over", async () => {
    await using tables = await open();
    await using place = memoryScene();
    const app = await place.start();
    await app.emitEvent("order.paid", { inputs: {}, durationMs: 1 });
    const { events } = (await app.getEvents()) as { events: readonly NexusEvent[] };
    for (const event of events) await runTable({ db: tables.db }).deliver(event, deliveryOf(event));
    expect(await tables.rows()).toEqual([]);
  });
}
