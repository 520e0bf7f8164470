import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { when } from "./when.ts";

const guide = readFileSync(resolve(import.meta.dirname, "../../docs/delivery.md"), "utf8");
const bare = (code: string): string => code.replaceAll(/\s+/g, "");

test("the code of docs/delivery.md is the code that is run here", () => {
  const [block = ""] = [...guide.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] as string);
  const code = readFileSync(join(import.meta.dirname, "guide.ts"), "utf8").replace("export { app, billing };\n", "");
  expect(bare(block)).toBe(bare(code));
});

test("its consumer sends each paid order once more when it is told to wait, and gives up what is refused", async () => {
  process.env["NEXUS_DB"] = join(mkdtempSync(join(tmpdir(), "nexus-guide-")), "nexus.db");
  const got: string[] = [];
  const invoices = createServer((request, response) => {
    const key = String(request.headers["idempotency-key"]);
    got.push(key);
    const status = key.endsWith("bad") ? 422 : got.filter((each) => each === key).length === 1 ? 429 : 200;
    response.writeHead(status, { "retry-after": "0" }).end("no such order");
  }).listen(9099, "127.0.0.1");
  await once(invoices, "listening");
  const { app, billing } = await import("./guide.ts");
  try {
    await app.start({ listen: false });
    await app.emitEvent("order.paid", { orderId: 1, amount: 9.5 }, { id: "good" });
    await app.emitEvent("order.paid", { orderId: 2, amount: 1 }, { id: "bad" });
    const { totals } = await when(billing, ({ deadLetters, totals: { delivered } }) => deadLetters === 1 && delivered === 1);
    expect(got).toEqual(["billing/good", "billing/good", "billing/bad"]);
    expect(totals).toEqual({ delivered: 1, failures: 2, deadLettered: 1, lost: 0 });
  } finally {
    await app.stop();
    invoices.close();
  }
});
