import { defineEvent } from "nexus-event-system";
import { expect, test } from "vitest";
import { z } from "zod";
import { serve } from "../http/fixtures/site.ts";
import { nexus } from "./nexus.ts";

const Paid = defineEvent("order.paid", {
  description: "An order was paid",
  version: 2,
  schema: z.object({
    orderId: z.int().describe("the order's number"),
    zip: z.string(),
    currency: z.string().default("EUR"),
    tags: z.array(z.string()).optional(),
  }),
});

test("event-types lists what can be emitted; with a name, its fields; in JSON, what the server answers", async () => {
  await using site = await serve({ events: [Paid, defineEvent("loose")] });
  const { url } = site;
  const list = await nexus(["event-types"], { url });
  expect(list.stdout.split("\n")).toEqual([
    "loose       version 1",
    "order.paid  version 2  An order was paid  orderId, zip, currency?, tags?",
    "",
  ]);
  expect(list.stderr).toContain("nexus event-types --built-in");
  const builtIn = await nexus(["event-types", "--built-in"], { url });
  expect(builtIn.stdout).toMatch(/^workflow\.completed +A run ended well\. +inputs, result\?, durationMs$/m);
  const one = await nexus(["event-types", "order.paid"], { url });
  expect(one.stdout).toMatch(/^order\.paid {2}version 2\n {2}An order was paid\n/);
  expect(one.stdout).toMatch(/^ {2}orderId +integer +required +the order's number$/m);
  expect(one.stdout).toContain("nexus events emit order.paid -d orderId=… -d zip=…");
  expect(JSON.parse((await nexus(["event-types", "--output", "json"], { url })).stdout)).toEqual((await site.get("/event-types")).body);
  expect(JSON.parse((await nexus(["event-types", "loose", "--output", "json"], { url })).stdout)).toEqual(
    (await site.get("/event-types/loose")).body,
  );
});

test("an event type that is not there is exit 2, with names like it", async () => {
  await using site = await serve({ events: [Paid] });
  const { code, stdout, stderr } = await nexus(["event-types", "order.payd"], { url: site.url });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("Did you mean order.paid?");
});

test("events emit -d reads each field as the registered schema says, and tells what does not fit", async () => {
  await using site = await serve({ events: [Paid] });
  const { url } = site;
  const emitted = await nexus(["events", "emit", "order.paid", "-d", "orderId=7", "-d", "zip=12345", "-d", "tags=a", "-d", "tags=b"], {
    url,
  });
  expect(emitted.code).toBe(0);
  const { events } = (await site.get("/events?type=order.paid")).body;
  expect(events[0].data).toEqual({ orderId: 7, zip: "12345", currency: "EUR", tags: ["a", "b"] });
  const refused = await nexus(["events", "emit", "order.paid", "-d", "orderID=7", "-d", "zip=1"], { url });
  expect([refused.code, refused.stdout]).toEqual([2, ""]);
  expect(refused.stderr).toMatch(
    /✖ data does not fit order\.paid\n {4}orderId {2}is required +\(there is orderID: did you mean orderId\?\)/,
  );
  const twice = await nexus(["events", "emit", "order.paid", "-d", "zip=1", "-d", "zip=2"], { url });
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining("zip is given twice")]);
});
