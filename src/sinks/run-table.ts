import { NexusError } from "../errors.ts";
import { type Database, databaseOf } from "./database.ts";
import { checkSinkOptions } from "./options.ts";
import { COLUMNS, type Column, rowOf } from "./run-row.ts";
import type { Sink } from "./sink.ts";

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/**
 * Keeps one row a run: written when it starts, completed when it ends. The table is yours, with `workflow_id` as its key.
 *
 * @param options.db a Database of better-sqlite3, or a Pool or Client of pg. It stays yours to close.
 * @param options.table default `workflow_logs`; `schema.table` is a name too.
 * @param options.columns other names for the columns: `{ workflow_id: "run" }`.
 * @throws OPTION_INVALID · OPTION_UNSUPPORTED
 * @see docs/sql.md, which has the table
 */
export function runTable(options: {
  readonly db: object;
  readonly table?: string;
  readonly columns?: Readonly<Record<string, string>>;
}): Sink {
  checkSinkOptions("runTable", options, ["db", "table", "columns"]);
  const db: Database = databaseOf(options.db);
  const table = quotedTable(options.table ?? "workflow_logs");
  const names = columnNames(options.columns ?? {});
  const upsert = (changes: string): string =>
    `INSERT INTO ${table} AS kept (${COLUMNS.map((column) => names[column]).join(", ")}) ` +
    `VALUES (${COLUMNS.map((_, n) => db.placeholder(n + 1)).join(", ")}) ON CONFLICT (${names.workflow_id}) DO ${changes}`;
  const set = (...columns: readonly Column[]): string =>
    `UPDATE SET ${columns.map((column) => `${names[column]} = excluded.${names[column]}`).join(", ")}`;
  // A row only moves on: what comes twice, or late, changes nothing that a later event said.
  const statements: Readonly<Record<string, string>> = {
    queued: upsert("NOTHING"),
    running: upsert(`${set("status", "timestamp")} WHERE kept.${names.status} = 'queued'`),
  };
  const ended = upsert(set("status", "duration", "result", "error"));
  return {
    name: "runTable",
    deliver: async (event, { signal }) => {
      const row = rowOf(event);
      if (row === undefined) return;
      const values = COLUMNS.map((column) => row[column]);
      await db.write(statements[row.status as string] ?? ended, values, signal);
    },
  };
}

function columnNames(columns: Readonly<Record<string, string>>): Readonly<Record<Column, string>> {
  for (const column of Object.keys(columns)) {
    if (!(COLUMNS as readonly string[]).includes(column))
      throw new NexusError("OPTION_INVALID", { option: `columns.${column}`, reason: `the columns are ${COLUMNS.join(", ")}` });
  }
  const names = Object.fromEntries(COLUMNS.map((column) => [column, quoted(`columns.${column}`, columns[column] ?? column)]));
  if (new Set(Object.values(names)).size < COLUMNS.length)
    throw new NexusError("OPTION_INVALID", { option: "columns", reason: "two of them have one name" });
  return names as Record<Column, string>;
}

function quotedTable(table: unknown): string {
  const parts = String(table).split(".");
  if (parts.length > 2) throw new NexusError("OPTION_INVALID", { option: "table", reason: "it is neither a name nor schema.name" });
  return parts.map((part) => quoted("table", part)).join(".");
}

function quoted(option: string, name: unknown): string {
  if (typeof name !== "string" || !NAME.test(name))
    throw new NexusError("OPTION_INVALID", { option, reason: "a name is 1 to 63 of A-Z a-z 0-9 _ and begins with no digit" });
  return `"${name}"`;
}
