import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const guide = readFileSync(resolve(import.meta.dirname, "../../docs/workflows.md"), "utf8");
const blocks = [...guide.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] as string);
const here = (file: string): string => readFileSync(join(import.meta.dirname, file), "utf8");
const bare = (code: string): string => code.replaceAll(/\s+/g, "");

test("the guide's code is the code that is run here", () => {
  expect(blocks.map(bare)).toEqual([bare(here("orders.ts")), bare(here("caller.ts"))]);
});

test("the guide's order is paid, charged and booked once, whoever asks again; its card is nowhere, and its report has a time", async () => {
  const asked: string[] = [];
  const warehouse = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    // The first time it is busy.
    if (asked.length === 1) response.writeHead(429, { "retry-after": "0" }).end();
    else response.writeHead(request.url === "/parcels/8" ? 404 : 200).end("P-1");
  }).listen(0, "127.0.0.1");
  await once(warehouse, "listening");
  process.env["WAREHOUSE"] = `http://127.0.0.1:${(warehouse.address() as AddressInfo).port}`;
  process.env["NEXUS_DB"] = join(mkdtempSync(join(tmpdir(), "nexus-readme-")), "nexus.db");
  const { default: app } = await import("./orders.ts");
  const { place } = await import("./caller.ts");
  await app.start({ listen: false });
  try {
    const paid = async (order: number, after: string): Promise<void> => {
      await app.waitForEvent("step.started", { match: { step: "wait:order.paid#1" }, after });
      await app.emitEvent("order.paid", { order });
    };
    const calls = [place(7, "4111"), place(7, "4111")];
    await paid(7, "earliest");
    expect(await Promise.all([...calls, place(7, "4111")])).toEqual(["parcel P-1", "parcel P-1", "parcel P-1"]);
    const { cursor } = await app.getEvents();
    const failing = place(8, "4111");
    await paid(8, cursor);
    expect(await failing).toBe("failed in execute:book#1: The workflow failed: there is no order 8");
    expect(asked).toEqual(["PUT /parcels/7", "PUT /parcels/7", "PUT /parcels/8"]);
    expect(JSON.stringify((await app.getEvents({ after: "earliest", limit: 1000 })).events)).not.toContain("4111");
    const { schedules } = (await (await app.fetch(new Request("http://127.0.0.1/schedules"))).json()) as { schedules: object[] };
    expect(schedules).toMatchObject([{ name: "nightly-report", workflow: "report", timeZone: "Europe/Berlin" }]);
  } finally {
    await app.stop();
    warehouse.close();
  }
});
