import { FatalError, type Nexus } from "nexus-event-system";
import { expect, test } from "vitest";
import { when } from "../consumers/when.ts";
import { nexus } from "./nexus.ts";
import { type Shop, shop } from "./shop.ts";

/** A shop with a consumer that delivers, and one that has a dead letter and tries again. */
async function delivering(): Promise<Shop & { readonly works: { now: boolean } }> {
  const server = await shop();
  const works = { now: false };
  const app: Nexus = server.app;
  const billing = app.consumer("billing", { type: "order.paid" }, () => {});
  const posting = app.consumer("slack posts", { type: "order.*", retry: { baseMs: 600_000, capMs: 600_000 } }, ({ id }) => {
    if (works.now) return;
    if (id === "order-1") throw new FatalError("no such channel");
    throw new Error("ECONNREFUSED");
  });
  for (const n of [1, 2]) await app.emitEvent("order.paid", { n }, { id: `order-${n}` });
  await when(billing, ({ totals }) => totals.delivered === 2);
  await when(posting, ({ deadLetters, retrying }) => deadLetters === 1 && retrying.length === 1);
  return { ...server, works };
}

test("consumers lists each with what it has behind it, tries again and gave up; in JSON, what the server answers", async () => {
  await using server = await delivering();
  const { url } = server;
  const { stdout, stderr } = await nexus(["consumers"], { url });
  const lines = stdout.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^billing {6}active {2}nothing behind +type=order\.paid$/);
  expect(lines[1]).toMatch(
    /^slack posts {2}active {2}\d+ behind +trying again \(1 of 20, in \d+.*\): ECONNREFUSED, 1 dead +type=order\.\*$/,
  );
  expect(stderr).toContain("nexus dead-letters");
  expect(JSON.parse((await nexus(["consumers", "--output", "json"], { url })).stdout)).toMatchObject({
    consumers: [{ name: "billing" }, { name: "slack posts" }],
    hasMore: false,
  });
  const shown = await nexus(["consumers", "show", "slack posts"], { url });
  expect(shown.stdout).toMatch(/^slack posts {2}active\n {2}picks {3}type=order\.\*\n {2}to {6}function\n {2}at {6}\S+ {2}\d+ behind\n/);
  expect(shown.stdout).toMatch(/ {2}so far {2}delivered=0 failed=2 dead=1\n {2}again {3}order\.paid order-2 {2}trying again/);
});

test("consumers pause, resume, rewind and remove say what they did", async () => {
  await using server = await delivering();
  const { url } = server;
  const paused = await nexus(["consumers", "pause", "billing"], { url });
  expect([paused.code, paused.stdout, paused.stderr]).toEqual([0, "", expect.stringMatching(/✔ paused {2}billing, at \S+/)]);
  expect(JSON.parse((await nexus(["consumers", "resume", "billing", "--output", "json"], { url })).stdout)).toMatchObject({
    status: "active",
  });
  expect((await nexus(["consumers", "rewind", "billing", "--to", "earliest"], { url })).stderr).toContain(
    "✔ rewound  billing, to earliest",
  );
  expect((await nexus(["consumers", "remove", "slack posts"], { url })).stderr).toContain("✔ removed  slack posts, and 1 dead letters");
  const gone = await nexus(["consumers", "show", "slack posts"], { url });
  expect([gone.code, gone.stdout]).toEqual([2, ""]);
  expect(gone.stderr).toContain("There is no consumer of this name.");
});

test("dead-letters lists, shows, redelivers and drops; a delivery that fails again may succeed later: exit 75", async () => {
  await using server = await delivering();
  const { url, works } = server;
  const { stdout } = await nexus(["dead-letters"], { url });
  expect(stdout).toMatch(/^slack posts {2}order-1 {2}order\.paid {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}1 try {2}no such channel\n$/);
  const shown = await nexus(["dead-letters", "show", "slack posts", "order-1"], { url });
  expect(shown.stdout).toMatch(
    /^slack posts {2}order-1 {2}given up .*\n {2}.* order\.paid +n=1\n {2}[\d:.]+ {2}try 1 {2}no such channel\n$/,
  );
  const failed = await nexus(["dead-letters", "redeliver", "slack posts", "order-1"], { url });
  expect([failed.code, failed.stdout]).toEqual([75, ""]);
  expect(failed.stderr).toContain("The delivery failed: no such channel");
  works.now = true;
  const done = await nexus(["dead-letters", "redeliver", "slack posts", "order-1"], { url });
  expect([done.code, done.stderr]).toEqual([0, expect.stringContaining("✔ delivered, out of order  slack posts order-1")]);
  const none = await nexus(["dead-letters", "drop", "slack posts", "order-1"], { url });
  expect(none.code).toBe(2);
  expect((await nexus(["dead-letters", "--consumer", "billing"], { url })).stderr).toContain("no dead letters");
});
