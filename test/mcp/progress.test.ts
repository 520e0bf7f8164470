import { defineWorkflow } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { testClock } from "../workflows/test-clock.ts";
import { CLIENTS, type Progress } from "./fixtures/clients.ts";

/** Tells its progress step by step, each when an event says so. */
const told = defineWorkflow("told", async (_inputs, ctx) => {
  await ctx.step("read", () => {});
  ctx.progress(20);
  await ctx.waitForEvent("go");
  ctx.progress(60, "half of it");
  await ctx.step("write", () => {});
  await ctx.waitForEvent("go");
});

/** What is told, and a way to wait for it. */
function hearing(): {
  readonly told: Progress[];
  readonly onprogress: (of: Progress) => void;
  readonly until: (is: (of: Progress) => boolean) => Promise<void>;
} {
  const heard: Progress[] = [];
  let look = (): void => {};
  return {
    told: heard,
    onprogress: (of) => {
      heard.push(of);
      look();
    },
    until: (is) =>
      new Promise((resolve) => {
        look = () => void (heard.some(is) && resolve());
        look();
      }),
  };
}

function expectRising(told: readonly Progress[]): void {
  const values = told.map(({ progress }) => progress);
  expect(values).toEqual([...new Set(values)].sort((one, other) => one - other));
}

describe.each(Object.entries(CLIENTS))("%s", (_client, connect) => {
  test("[mcp.3] whoever waits for a run hears its percentage and its steps, each value above the last", async () => {
    const clock = testClock();
    await using site = await serve({ clock, workflows: [told] });
    await using agent = await connect(site.url);
    const { onprogress, until, told: heard } = hearing();
    const run = agent.call("nexus_run_workflow", { workflow: "told" }, { onprogress });
    await until(() => true);
    await clock.asleep(25_000);
    // No one is told more than ten times a second.
    const next = async (is: (of: Progress) => boolean): Promise<void> => {
      for (let there = false; !there; ) {
        clock.advance(100);
        there = await Promise.race([until(is).then(() => true), site.get("/workflows").then(() => false)]);
      }
    };
    await next(({ progress }) => progress >= 20);
    await site.app.emitEvent("go", 1);
    await next(({ progress, message }) => progress >= 60 && message === "half of it");
    await site.app.emitEvent("go", 1);
    expect((await run).structuredContent.status).toBe("completed");
    expect(heard[0]).toEqual({ progress: 0, total: 100 });
    expectRising(heard);
  });

  test("[mcp.3] whoever waits for events hears at once, and every 10 s, that it still waits", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { onprogress, until, told: heard } = hearing();
    const { cursor } = await site.app.emitEvent("n", 0);
    const waited = agent.call("nexus_wait_for_events", { cursor, waitMs: 49_999 }, { onprogress });
    for (let count = 1; count <= 4; count++) {
      await until(() => heard.length === count);
      await clock.asleep(10_000);
      if (count < 4) clock.advance(10_000);
    }
    await site.app.emitEvent("n", 1);
    await clock.asleep(100);
    clock.advance(100);
    expect((await waited).structuredContent.events).toHaveLength(1);
    await clock.awake(10_000);
    expect(heard).toHaveLength(4);
    expectRising(heard);
  });

  test("[mcp.3] a tool that does not wait tells nothing, and nor does one whose caller did not ask", async () => {
    const clock = testClock();
    await using site = await serve({ clock, workflows: [told] });
    await using agent = await connect(site.url);
    const { onprogress, told: heard } = hearing();
    await agent.call("nexus_list_events", {}, { onprogress });
    expect(heard).toEqual([]);
    const waited = agent.call("nexus_wait_for_events", { waitMs: 49_999 });
    await clock.asleep(49_999);
    // Nobody is to be told in 10 s.
    await clock.awake(10_000);
    clock.advance(49_999);
    await waited;
  });
});

/** A call as it is sent, and the messages that come back. */
async function messages(url: string, modern: boolean, meta: object): Promise<any[]> {
  const envelope = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { name: "nexus_wait_for_events", arguments: { waitMs: 0 }, _meta: { ...(modern && envelope), ...meta } };
  const response = await fetch(`${url}/mcp`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...(modern && { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": params.name }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  const text = await response.text();
  if (!(response.headers.get("content-type") ?? "").includes("event-stream")) return [JSON.parse(text)];
  return [...text.matchAll(/^data: (\{.*\})$/gm)].map((match) => JSON.parse(match[1] as string) as unknown);
}

test.each([
  ["2026-07-28", true],
  ["2025-11-25", false],
])("[mcp.3] %s: only a call with a token is told of progress, by that token, before its answer", async (_era, modern) => {
  await using site = await serve();
  const without = await messages(site.url, modern, {});
  expect(without.map(({ id, result }) => [id, result.structuredContent.timedOut])).toEqual([[1, true]]);
  const [progress, answer, ...more] = await messages(site.url, modern, { progressToken: "p" });
  expect([progress.method, progress.params.progressToken, answer.id, more]).toEqual(["notifications/progress", "p", 1, []]);
});
