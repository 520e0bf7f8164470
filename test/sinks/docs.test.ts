import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { mailServer } from "./mail-server.ts";
import { receiver } from "./receiver.ts";
import { ddl } from "./sql.ts";

const here = join(import.meta.dirname, "docs");
const pages = join(import.meta.dirname, "../../docs");
const bare = (code: string): string => code.replaceAll(/\s+/g, "");

test("the code of the pages on sinks is the code that is run here", () => {
  const blocks = ["webhooks", "slack", "email", "sql"].flatMap((page) =>
    [...readFileSync(join(pages, `${page}.md`), "utf8").matchAll(/```ts\n(.*?)```/gs)].map((match) => bare(match[1] as string)),
  );
  const files = readdirSync(here).filter((file) => file !== "app.ts");
  expect(blocks.sort()).toEqual(files.map((file) => bare(readFileSync(join(here, file), "utf8"))).sort());
});

test("what the pages on sinks show arrives: at a receiver that verifies, in Slack, in a mailbox and in a table", async () => {
  await using chat = await receiver();
  await using mails = await mailServer();
  const folder = await mkdtemp(join(tmpdir(), "nexus-test-"));
  const reports = new Database(join(folder, "reports.db"));
  reports.exec(ddl("sqlite"));
  const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  Object.assign(process.env, { BILLING_SECRET: secret, SLACK_WEBHOOK_URL: chat.url, SMTP_URL: mails.url, REPORTS_DB: reports.name });
  const { receiver: billing, orders } = await import("./docs/receiver.ts");
  const server = createServer(billing).listen(0, "127.0.0.1");
  await once(server, "listening");
  process.env["BILLING_URL"] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/nexus`;
  const { default: app } = await import("./docs/app.ts");
  try {
    for (const page of ["webhook", "slack", "slack-message", "email", "sql"]) await import(`./docs/${page}.ts`);
    await app.start({ listen: false });
    await app.emitEvent("order.paid", { orderId: 7 });
    await app.emitEvent("order.paid", { orderId: 8 });
    await app.execute("import-orders", { file: "a.csv" }, { userId: "ann" });
    await app.execute("import-orders", { file: "bad.csv" }).catch(() => {});
    await app.settled();
    const ended = (): unknown => reports.prepare("SELECT count(*) FROM workflow_logs WHERE status <> 'running'").pluck().get();
    await expect
      .poll(() => [orders.length, chat.received.length, mails.received.length, ended()], { timeout: 20_000 })
      .toEqual([2, 3, 1, 2]);
    expect(orders).toEqual([7, 8]);
    const texts = chat.received.map(({ body }) => (JSON.parse(body) as { text: string }).text).sort();
    expect(texts).toEqual([
      "Workflow import-orders completed",
      "Workflow import-orders failed",
      expect.stringMatching(/^import-orders took \d+\.\d s, asked for by ann$/),
    ]);
    expect(mails.received.map(({ mail }) => mail.subject)).toEqual(["import-orders failed: line 3 is bad"]);
    expect(reports.prepare("SELECT workflow_name, user_id, status FROM workflow_logs ORDER BY rowid").raw().all()).toEqual([
      ["import-orders", "ann", "completed"],
      ["import-orders", null, "failed"],
    ]);
    const unsigned = await fetch(process.env["BILLING_URL"], {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/cloudevents+json" },
    });
    expect(unsigned.status).toBe(401);
  } finally {
    server.close();
    await app.stop();
    reports.close();
    await rm(folder, { recursive: true, force: true });
  }
});
