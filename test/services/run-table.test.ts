import { once } from "node:events";
import { runTable } from "nexus-event-system/sinks";
import { sinkConformance } from "nexus-event-system/testing";
import { expect, test } from "vitest";
import { deliveryOf, runEvents } from "../sinks/deliveries.ts";
import { runTableCases } from "../sinks/run-table-cases.ts";
import { memoryScene } from "../workflows/scene.ts";
import { postgresTables, SERVER } from "./postgres.ts";

runTableCases(async () => {
  const tables = await postgresTables();
  return { ...tables, db: tables.pool };
});

test("the pool and the names of docs/sql.md keep runs", async () => {
  await using tables = await postgresTables();
  await using place = memoryScene();
  process.env["DATABASE_URL"] = SERVER;
  const { pool, runs } = await import("../sinks/docs/sql-names.ts");
  await tables.run("CREATE SCHEMA IF NOT EXISTS reporting");
  try {
    await tables.run("CREATE TABLE reporting.runs (LIKE workflow_logs INCLUDING ALL)");
    await tables.run("ALTER TABLE reporting.runs RENAME workflow_id TO run");
    await tables.run("ALTER TABLE reporting.runs RENAME timestamp TO started_at");
    for (const event of await runEvents(await place.start(), "completed")) await runs.deliver(event, deliveryOf(event));
    const { rows } = await pool.query("SELECT status, started_at <= now() AS began FROM reporting.runs");
    expect(rows).toEqual([{ status: "completed", began: true }]);
  } finally {
    await tables.run("DROP SCHEMA reporting CASCADE");
    await pool.end();
  }
});

for (const { title, run } of sinkConformance({ place, lacks: ["busy"] })) test(title, run);

/** A table of PostgreSQL that is renamed, refuses every row, or is locked by somebody else. */
async function place(): ReturnType<Parameters<typeof sinkConformance>[0]["place"]> {
  const tables = await postgresTables();
  const pool = tables.another("sink under test");
  const locker = await tables.another("locker").connect();
  const waiting = async (): Promise<number> => {
    const { rows } = await tables.pool.query(
      "SELECT 1 FROM pg_stat_activity WHERE application_name = 'sink under test' AND wait_event_type = 'Lock'",
    );
    return rows.length;
  };
  let table = "workflow_logs";
  return {
    sink: () => runTable({ db: pool }),
    arrived: async () => (await tables.rows()).map((row) => String(row["workflow_id"])),
    become: async (state) => {
      const name = state === "away" ? "elsewhere" : "workflow_logs";
      if (table !== name) await tables.run(`ALTER TABLE ${table} RENAME TO ${name}`);
      table = name;
      await tables.run(`ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS refusing`);
      if (state === "refusing") await tables.run(`ALTER TABLE ${table} ADD CONSTRAINT refusing CHECK (false) NOT VALID`);
      if (state === "hanging") await locker.query("BEGIN; LOCK TABLE workflow_logs");
    },
    reached: () => expect.poll(waiting).toBe(1),
    forsaken: async () => {},
    secrets: ["hunter2"],
    [Symbol.asyncDispose]: async () => {
      const ended = once(locker, "end");
      locker.release(true);
      await ended;
      await pool.end();
      await tables[Symbol.asyncDispose]();
    },
  };
}
