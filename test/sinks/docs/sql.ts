import Database from "better-sqlite3";
import { runTable } from "nexus-event-system/sinks";
import app from "./app.ts";

const db = new Database(process.env["REPORTS_DB"] ?? "reports.db");
app.consumer("workflow-logs", { type: "workflow.*" }, runTable({ db }));
