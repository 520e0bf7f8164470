import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test, vi } from "vitest";

const guide = readFileSync(resolve(import.meta.dirname, "../../docs/events.md"), "utf8");
const blocks = [...guide.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] as string);
const FILES = ["definitions.ts", "app.ts", "reading.ts", "versions.ts"];
/** What a test wants to see of a snippet, it exports. */
const bare = (code: string): string => code.replaceAll(/\bexport /g, "").replaceAll(/\s+/g, "");

test("the code of the guide to events is the code that is run here", () => {
  const files = FILES.map((file) => readFileSync(join(import.meta.dirname, "events", file), "utf8"));
  expect(blocks.map(bare)).toEqual(files.map(bare));
});

test("[event.4] [event.5] the guide's app registers, refuses, reads and changes its event types as the guide says", async () => {
  process.env["NEXUS_DB"] = join(mkdtempSync(join(tmpdir(), "nexus-events-")), "nexus.db");
  const said: unknown[][] = [];
  vi.spyOn(console, "log").mockImplementation((...words) => void said.push(words));
  const { app, RowRejected } = await import("./events/app.ts");
  const { paid, next, follow } = await import("./events/reading.ts");
  const { addTax } = await import("./events/versions.ts");
  await using _stopped = app;
  await app.settled();
  expect(said).toContainEqual(["order 7 paid in EUR"]);
  expect(said).toContainEqual([
    [
      { path: "line", message: "is not an integer" },
      { path: "reason", message: "is required" },
    ],
  ]);
  expect(paid).toEqual(["7 EUR", "8 USD"]);
  const following = follow();
  await app.emitEvent(RowRejected, { line: 3, reason: "2 columns" });
  await app.emitEvent("order.paid", { orderId: 9 });
  expect([(await next)?.data.orderId, await following]).toEqual([9, 9]);
  addTax(app);
  await expect(app.emitEvent("order.paid", { orderId: 10 })).rejects.toMatchObject({
    code: "EVENT_INVALID",
    details: { faults: [{ path: "taxCents" }] },
  });
  await expect(app.emitEvent("order.payed" as never, {} as never)).rejects.toMatchObject({ code: "EVENT_TYPE_INVALID" });
});
