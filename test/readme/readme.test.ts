import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";

const readme = readFileSync(resolve(import.meta.dirname, "../../README.md"), "utf8");
const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] as string);
const here = (file: string): string => readFileSync(join(import.meta.dirname, file), "utf8");
const bare = (code: string): string => code.replaceAll(/\s+/g, "");

test("the README's code is the code that is run here", () => {
  expect(blocks.map(bare)).toEqual(["app.ts", "delivery.ts", "mounted.ts"].map((file) => bare(here(file))));
});

test("the README's app imports orders, tells Slack of a bad row, and answers under a path of Express", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nexus-readme-"));
  writeFileSync(join(folder, "orders.csv"), "1,a,2\n2,b\n3,c,4\n");
  process.chdir(folder); // It writes orders.json.
  process.env["PORT"] = "0";
  process.env["NEXUS_DB"] = join(folder, "nexus.db");
  const told = Promise.withResolvers<string>();
  const slack = createServer((request, response) => {
    void text(request).then((body) => told.resolve((JSON.parse(body) as { text: string }).text));
    response.end("ok");
  }).listen(0, "127.0.0.1");
  await once(slack, "listening");
  process.env["SLACK_URL"] = `http://127.0.0.1:${(slack.address() as AddressInfo).port}`;
  await import("./delivery.ts");
  const { server } = await import("./mounted.ts");
  const { default: app } = await import("./app.ts");
  if (!server.listening) await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/nexus`;
  try {
    // The first request begins what consumers do.
    expect((await fetch(`${url}/consumers`)).status).toBe(200);
    expect(await app.execute("import-orders", { file: join(folder, "orders.csv") })).toEqual({ imported: 2 });
    const { events } = (await (await fetch(`${url}/events?type=row.rejected`)).json()) as { events: { data: unknown }[] };
    expect(events.map(({ data }) => data)).toEqual([{ line: 2, reason: "2 columns, not 3" }]);
    expect(await told.promise).toContain("row.rejected");
  } finally {
    server.close();
    slack.close();
    await app.stop();
  }
});
