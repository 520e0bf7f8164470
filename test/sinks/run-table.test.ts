import Database from "better-sqlite3";
import { NexusError } from "nexus-event-system";
import { runTable } from "nexus-event-system/sinks";
import { expect, test } from "vitest";
import { runTableCases } from "./run-table-cases.ts";
import { ddl } from "./sql.ts";

runTableCases(async () => {
  const db = new Database(":memory:");
  db.exec(ddl("sqlite"));
  return {
    db,
    run: async (sql) => void db.exec(sql),
    rows: async (table = "workflow_logs") => db.prepare(`SELECT * FROM "${table}" ORDER BY rowid`).all() as Record<string, unknown>[],
    [Symbol.asyncDispose]: async () => void db.close(),
  };
});

test("[sink.4] what runTable is told is checked at once", () => {
  const db = new Database(":memory:");
  const refused = (options: object): string => {
    try {
      runTable({ db, ...options });
      return "taken";
    } catch (error) {
      return NexusError.is(error) ? error.code : String(error);
    }
  };
  expect(refused({})).toBe("taken");
  expect(refused({ table: "reporting.runs", columns: { result: "outcome" } })).toBe("taken");
  for (const options of [
    { table: 'runs"; DROP TABLE x; --' },
    { table: "a.b.c" },
    { table: "" },
    { table: "1st" },
    { columns: { nothing: "x" } },
    { columns: { result: 'x" text' } },
    { columns: { result: "inputs" } },
    { db: {} },
    { db: undefined },
    { db: { query: () => {}, execute: () => {}, connect: () => {} } },
  ])
    expect(refused(options), JSON.stringify(options)).toBe("OPTION_INVALID");
  expect(refused({ tabel: "x" })).toBe("OPTION_UNSUPPORTED");
  db.close();
});
