import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { mailServer } from "./mail-server.ts";
import { type Received, receiver } from "./receiver.ts";
import { ddl } from "./sql.ts";

const RUNS = 200;
const LARGE = 1_000;
const TEXT = 120 * 1024;
const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

test("[sink.5] [consumer.1] targets are away while more is recorded than memory holds; then all of it arrives, once and in order", {
  timeout: 180_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-test-"));
  await using http = await receiver();
  await using smtp = await mailServer();
  const reports = new Database(join(folder, "reports.db"));
  await Promise.all([http.away(), smtp.away()]);
  const fixture = join(import.meta.dirname, "fixtures/away-app.ts");
  const given = [join(folder, "nexus.db"), `http://127.0.0.1:${http.port}`, smtp.url, reports.name, SECRET, RUNS, LARGE, TEXT];
  const child = spawn(process.execPath, ["--expose-gc", fixture, ...given.map(String)], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = once(child, "exit");
  try {
    const [line] = (await Promise.race([once(child.stdout, "data"), gone])) as [Buffer];
    const { states, heapUsed } = JSON.parse(String(line)) as { states: { lag: number; deadLetters: number }[]; heapUsed: number };
    for (const { lag, deadLetters } of states) expect([lag >= LARGE, deadLetters]).toEqual([true, 0]);
    // In memory are the newest 8 MiB, as objects and as JSON, and 1 MiB for each consumer: not the 120 MB that wait.
    expect(LARGE * TEXT).toBeGreaterThan(120e6);
    expect(heapUsed).toBeLessThan(60e6);
    expect([http.received, smtp.received]).toEqual([[], []]);

    await Promise.all([http.back(), smtp.back()]);
    reports.exec(ddl("sqlite"));
    const at = (path: string): readonly Received[] => http.received.filter((got) => got.path === path);
    const rows = (): unknown => reports.prepare("SELECT count(*) FROM workflow_logs WHERE status = 'completed'").pluck().get();
    await expect
      .poll(() => [at("/hooks").length, at("/slack").length, smtp.received.length, rows()], { timeout: 120_000, interval: 200 })
      .toEqual([LARGE, RUNS, RUNS, RUNS]);

    const bodies = (path: string): any[] => at(path).map(({ body }) => JSON.parse(body));
    const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
    expect(bodies("/hooks").map(({ data }) => [data.n, data.text.length])).toEqual(numbers(LARGE).map((n) => [n, TEXT]));
    expect(bodies("/slack").map(({ text }) => text)).toEqual(numbers(RUNS).map((n) => `run ${n}`));
    expect(smtp.received.map(({ mail }) => mail.subject)).toEqual(numbers(RUNS).map((n) => `run ${n}`));
    expect(reports.prepare("SELECT json_extract(result, '$.n') FROM workflow_logs ORDER BY rowid").pluck().all()).toEqual(numbers(RUNS));

    child.stdin.write("stop\n");
    expect(await gone).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
    reports.close();
    await rm(folder, { recursive: true, force: true });
  }
});
