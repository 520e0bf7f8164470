import { AjvJsonSchemaValidator } from "@modelcontextprotocol/client/validators/ajv";
import { defineEvent, jsonSchema } from "nexus-event-system";
import { fakeClock } from "nexus-event-system/testing";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { serve } from "../http/fixtures/site.ts";
import { trimmedStore } from "../http/fixtures/trimmed-store.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { CLIENTS } from "./fixtures/clients.ts";
import { emit, lineTo, numbers, pages, poll, result, taken, upTo } from "./fixtures/events.ts";

const connect = CLIENTS["2026-07-28"] as NonNullable<(typeof CLIENTS)[string]>;
/** More than one answer holds. */
const MANY = 130;

const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});
const EVENTS = [
  defineEvent("tree.grown", { schema: Tree, description: "A tree has grown." }),
  defineEvent("order.paid", { schema: { id: "number", note: "string" } }),
  defineEvent("point.set", {
    schema: jsonSchema({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $defs: { axis: { type: "number" } },
      type: "object",
      properties: { x: { $ref: "#/$defs/axis" }, y: { $ref: "#/$defs/axis" } },
      required: ["x", "y"],
    }),
  }),
];

describe("events/list", () => {
  test("[mcp.4] names nexus.event, four types of runs and each event type of the app, each to poll and to stream", async () => {
    await using site = await serve({ events: EVENTS });
    await using agent = await connect(site.url);
    const { events } = await agent.ask("events/list");
    const runs = ["started", "completed", "failed", "cancelled"].map((what) => `workflow.${what}`);
    const names = ["nexus.event", ...runs, "order.paid", "point.set", "tree.grown"];
    expect(events.map(({ name }: any) => name).toSorted()).toEqual(names.toSorted());
    for (const { delivery } of events) expect(delivery).toEqual(expect.arrayContaining(["poll", "push"]));
    expect(events.find(({ name }: any) => name === "tree.grown").description).toBe("A tree has grown.");
  });

  test("[mcp.4] its schemas are JSON Schema, and what is polled fits them", async () => {
    await using site = await serve({ events: EVENTS, workflows: WORKFLOWS });
    const { app } = site;
    await app.emitEvent("tree.grown", { name: "a", children: [{ name: "b", children: [] }] });
    await app.emitEvent("order.paid", { id: 7, note: "thanks" }, { sessionId: "s-1" });
    await app.emitEvent("point.set", { x: 1, y: 2 });
    await app.execute("double", { n: 2 });
    await app.execute("failing").catch(() => {});
    const { runId } = await app.startRun("waiting");
    await app.runs.cancel(runId);
    await app.settled();
    const line = lineTo(site);
    const validator = new AjvJsonSchemaValidator();
    for (const { name, inputSchema, payloadSchema } of (await result(line, "events/list", {})).events) {
      const fits = validator.getValidator(payloadSchema);
      const events = (await pages(line, { name }, "earliest")).flatMap((page) => page.events);
      expect(events.length, name).toBeGreaterThan(0);
      for (const { data } of events) expect(fits(data), name).toMatchObject({ valid: true });
      expect(fits({ ...events[0].data, data: 1, type: 1 }), name).toMatchObject({ valid: false });
      const takes = validator.getValidator(inputSchema);
      expect(takes({ sessionId: "s-1", runId: ["a", "b"] }), name).toMatchObject({ valid: true });
      expect(takes({ nonsense: true }), name).toMatchObject({ valid: false });
    }
  });

  test("[mcp.4] a long list comes in pages, each type once", async () => {
    const names = upTo(250).map((n) => `type.${n}`);
    await using site = await serve({ events: names.map((name) => defineEvent(name)) });
    const line = lineTo(site);
    const listed: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await result(line, "events/list", cursor === undefined ? {} : { cursor });
      listed.push(...page.events.map(({ name }: any) => name));
      cursor = page.nextCursor;
      if (cursor === undefined) break;
    }
    expect(listed.filter((name) => name.startsWith("type.")).toSorted()).toEqual(names.toSorted());
    expect((await line.ask("events/list", { cursor: "x" })).message.error.code).toBe(-32602);
  });
});

describe("events/poll", () => {
  test.each([[{ cursor: null }], [{}]])("[mcp.4] with %j gives no events, and the cursor of now", async (where) => {
    await using site = await serve();
    await emit(site, "a", 3);
    const line = lineTo(site);
    const now = await poll(line, { name: "nexus.event", arguments: { type: "a" }, ...where });
    expect(now).toMatchObject({ events: [], truncated: false, hasMore: false, cursor: expect.any(String) });
    await emit(site, "a", 2, 3);
    expect(numbers((await poll(line, { name: "nexus.event", arguments: { type: "a" }, cursor: now.cursor })).events)).toEqual([3, 4]);
  });

  test("[mcp.4] from a cursor on gives everything once and in order, in pages, and says whether there is more", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    const { cursor } = await agent.ask("events/poll", { name: "nexus.event" });
    for (let n = 0; n < MANY; n++) await site.app.emitEvent(n % 3 === 0 ? "other" : "a", { n });
    await site.app.settled();
    const seen: any[] = [];
    const more: boolean[] = [];
    for (let place = cursor; ; ) {
      const page = await agent.ask("events/poll", { name: "nexus.event", arguments: { type: "a" }, cursor: place });
      expect(page.truncated).toBe(false);
      expect(page.events.length).toBeLessThanOrEqual(50);
      seen.push(...page.events);
      more.push(page.hasMore);
      place = page.cursor;
      if (!page.hasMore) break;
    }
    expect(numbers(seen)).toEqual(upTo(MANY).filter((n) => n % 3 !== 0));
    expect(more.length).toBeGreaterThan(1);
    expect(more.slice(0, -1)).not.toContain(false);
    expect(new Set(seen.map(({ eventId }) => eventId)).size).toBe(seen.length);
  });

  test("[mcp.4] gives maxEvents at most", async () => {
    await using site = await serve();
    const line = lineTo(site);
    const { cursor } = await poll(line, { name: "nexus.event" });
    await emit(site, "a", 5);
    const all = await pages(line, { name: "nexus.event", arguments: { type: "a" }, maxEvents: 2 }, cursor);
    expect(all.map(({ events }) => numbers(events))).toEqual([[0, 1], [2, 3], [4]]);
    expect(all.map(({ hasMore }) => hasMore)).toEqual([true, true, false]);
    const bounded = await poll(line, { name: "nexus.event", arguments: { type: "a" }, maxEvents: null, cursor });
    expect(numbers(bounded.events)).toEqual(upTo(5));
  });

  test("[mcp.4] leaves out what is older than maxAgeMs, and says so", async () => {
    const clock = fakeClock();
    await using site = await serve({ clock });
    const line = lineTo(site);
    const { cursor } = await poll(line, { name: "nexus.event" });
    const [first] = await emit(site, "a", 1);
    await clock.advance(60_000);
    await emit(site, "a", 1, 1);
    const asked = { name: "nexus.event", arguments: { type: "a" } };
    const since = async (place: string, maxAgeMs: number | null): Promise<unknown> => {
      const { events, truncated } = await poll(line, { ...asked, cursor: place, maxAgeMs });
      return [numbers(events), truncated];
    };
    expect(await since(cursor, 30_000)).toEqual([[1], true]);
    expect(await since(cursor, 90_000)).toEqual([[0, 1], false]);
    expect(await since(cursor, null)).toEqual([[0, 1], false]);
    expect(await since(first.cursor, 30_000)).toEqual([[1], false]);
    await using stream = await line.stream("events/stream", { ...asked, cursor, maxAgeMs: 30_000 });
    expect((await stream.next()).params).toMatchObject({ truncated: true });
    expect(numbers(await taken(stream, 1))).toEqual([1]);
  });

  test("[mcp.4] from a place that the log no longer holds goes on from the earliest, truncated", async () => {
    const { store, trim } = trimmedStore();
    await using site = await serve({ store });
    const [first, , third] = await emit(site, "a", 5);
    await trim(third.sequence);
    const asked = { name: "nexus.event", arguments: { type: "a" }, cursor: first.cursor };
    const page = await poll(lineTo(site), asked);
    expect([numbers(page.events), page.truncated]).toEqual([[3, 4], true]);
    expect((await poll(lineTo(site), { ...asked, cursor: page.cursor })).truncated).toBe(false);
    await using stream = await lineTo(site).stream("events/stream", asked);
    expect((await stream.next()).params).toMatchObject({ truncated: true });
    expect(numbers(await taken(stream, 2))).toEqual([3, 4]);
  });

  test("[mcp.4] from a place of another history goes on live, truncated", async () => {
    await using other = await serve();
    const [elsewhere] = await emit(other, "a", 1);
    await using site = await serve();
    await emit(site, "a", 3);
    const asked = { name: "nexus.event", arguments: { type: "a" }, cursor: elsewhere.cursor };
    const page = await poll(lineTo(site), asked);
    expect(page).toMatchObject({ events: [], truncated: true, hasMore: false });
    await using stream = await lineTo(site).stream("events/stream", asked);
    expect((await stream.next()).params).toMatchObject({ truncated: true });
    await emit(site, "a", 1, 3);
    expect(numbers(await taken(stream, 1))).toEqual([3]);
    expect(numbers((await poll(lineTo(site), { ...asked, cursor: page.cursor })).events)).toEqual([3]);
  });
});

describe("what is refused", () => {
  const METHODS = ["events/poll", "events/stream"];

  test.each(METHODS)("[mcp.4] %s of a name that is not listed is -32011, of the kind event", async (method) => {
    await using site = await serve({ events: EVENTS });
    for (const name of ["nothing", "step.started", ""]) {
      const { error } = (await lineTo(site).ask(method, { name })).message;
      expect([error.code, error.data.kind]).toEqual([-32011, "event"]);
    }
  });

  test.each(METHODS)("[mcp.4] %s with what it does not take is -32602, and says what that is", async (method) => {
    await using site = await serve({ events: EVENTS });
    const refusals: readonly (readonly [object, string])[] = [
      [{ name: "nexus.event", arguments: { nonsense: "x" } }, "FILTER_INVALID"],
      [{ name: "nexus.event", arguments: { type: "NOT A TYPE" } }, "FILTER_INVALID"],
      [{ name: "order.paid", arguments: { type: "tree.grown" } }, "FILTER_INVALID"],
      [{ name: "order.paid", arguments: { broadcast: "only" } }, "FILTER_INVALID"],
      [{ name: "nexus.event", cursor: "nowhere" }, "CURSOR_INVALID"],
      [{ name: "nexus.event", cursor: 7 }, "REQUEST_INVALID"],
      [{ name: "nexus.event", maxAgeMs: -1 }, "REQUEST_INVALID"],
      [{ name: "nexus.event", arguments: [] }, "REQUEST_INVALID"],
      [{}, "REQUEST_INVALID"],
      ...(method === "events/poll" ? [[{ name: "nexus.event", maxEvents: 0 }, "REQUEST_INVALID"] as const] : []),
    ];
    for (const [params, code] of refusals) {
      const { error } = (await lineTo(site).ask(method, params)).message;
      expect([params, error.code, error.data.code]).toEqual([params, -32602, code]);
    }
  });

  test("[mcp.4] events/subscribe of nobody in particular is -32012", async () => {
    await using site = await serve();
    const params = { name: "nexus.event", delivery: { mode: "webhook", url: "https://example.com/", secret: "whsec_AAAA" } };
    for (const method of ["events/subscribe", "events/unsubscribe"])
      expect((await lineTo(site).ask(method, params)).message.error.code).toBe(-32012);
  });
});
