import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { defineWorkflow, Nexus, sqliteStore } from "nexus-event-system";
import { expect, test } from "vitest";
import { silent } from "../http/fixtures/site.ts";

test("[log.6] a backup made while the app writes holds a moment of the log; readers that had seen more are told when it is put back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-backup-"));
  const [file, backup] = [join(folder, "nexus.db"), join(folder, "backup.db")];
  const workflow = defineWorkflow("w", async (_inputs, ctx) => (await ctx.waitForEvent("go"))?.data);
  const start = async (): Promise<Nexus> => {
    const app = new Nexus({ store: sqliteStore(file), workflows: [workflow], logger: silent }) as Nexus;
    await app.start({ listen: false });
    return app;
  };
  const app = await start();
  const { runId } = await app.startRun(workflow);
  const { sequence } = await app.emitEvent("before", {});
  const writing = Promise.all(Array.from({ length: 500 }, (_, n) => app.emitEvent("meanwhile", { n })));
  const db = new Database(file, { readonly: true });
  await db.backup(backup);
  db.close();
  await writing;
  const { cursor } = await app.emitEvent("after", {});
  await app.stop({ deadlineMs: 0 });

  for (const suffix of ["-wal", "-shm"]) await rm(file + suffix, { force: true });
  await copyFile(backup, file);
  const again = await start();
  const { events } = await again.getEvents({ after: "earliest", limit: 1000 });
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, n) => n + 1));
  expect(events.length).toBeGreaterThanOrEqual(sequence);
  await expect(again.getEvents({ after: cursor })).rejects.toMatchObject({ code: "CURSOR_UNKNOWN" });
  await again.emitEvent("go", { n: 1 });
  expect((await again.waitForEvent("workflow.completed" as const, { runId, after: "earliest" }))?.result).toEqual({ n: 1 });
  await again.stop();
  await rm(folder, { recursive: true });
});
