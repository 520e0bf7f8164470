import { randomBytes } from "node:crypto";
import { Pool } from "pg";
import { ddl } from "../sinks/sql.ts";

/** A schema of its own in the database, with the table of docs/sql.md; a pool whose names are looked up there first. */
export interface PostgresTables extends AsyncDisposable {
  readonly pool: Pool;
  /** Another pool on the same schema, under a name that the server can be asked for. */
  another(name: string): Pool;
  run(sql: string): Promise<void>;
  rows(table?: string): Promise<readonly Record<string, unknown>[]>;
}

export const SERVER: string = process.env["NEXUS_TEST_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

export async function postgresTables(): Promise<PostgresTables> {
  const schema = `nexus_test_${randomBytes(6).toString("hex")}`;
  const another = (application_name: string): Pool =>
    new Pool({ connectionString: SERVER, options: `-c search_path=${schema}`, application_name });
  const pool = another("nexus test");
  await pool.query(`CREATE SCHEMA ${schema}`);
  await pool.query(ddl("postgres"));
  return {
    pool,
    another,
    run: async (sql) => void (await pool.query(sql)),
    rows: async (table = "workflow_logs") => {
      const { rows } = await pool.query<Record<string, unknown>>(`SELECT * FROM "${table}" ORDER BY ctid`);
      return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])));
    },
    [Symbol.asyncDispose]: async () => {
      await pool.query(`DROP SCHEMA ${schema} CASCADE`);
      await pool.end();
    },
  };
}

/** As SQLite would give it: times and JSON as text. */
function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
}
