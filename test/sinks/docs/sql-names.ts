import { runTable } from "nexus-event-system/sinks";
import { Pool } from "pg";

export const pool = new Pool({ connectionString: process.env["DATABASE_URL"] });
export const runs = runTable({ db: pool, table: "reporting.runs", columns: { workflow_id: "run", timestamp: "started_at" } });
