import { memoryStore } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { testClock } from "../workflows/test-clock.ts";
import { CLIENTS } from "./fixtures/clients.ts";

describe.each(Object.entries(CLIENTS))("%s", (_client, connect) => {
  test("[mcp.9] at stop everyone who waits is told to come back, and when; the place is good for then", async () => {
    const clock = testClock();
    const store = memoryStore();
    const site = await serve({ store, clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", 1);
    const calls = [49_991, 49_992, 49_993].map((waitMs) => agent.call("nexus_wait_for_events", { cursor, waitMs }));
    await Promise.all([49_991, 49_992, 49_993].map((waitMs) => clock.asleep(waitMs)));
    await site.app.stop({ deadlineMs: 0 });
    for (const { isError, content } of await Promise.all(calls)) {
      const { code, retryable, retryAfterMs } = JSON.parse(content[1]?.text ?? "");
      expect([isError, code, retryable, retryAfterMs]).toEqual([true, "SERVER_STOPPING", true, expect.any(Number)]);
      expect(content[0]?.text).toMatch(/^SERVER_STOPPING: .*your cursor stays valid/);
    }
    await using again = await serve({ store });
    await using other = await connect(again.url);
    await again.app.emitEvent("n", 2);
    const { events } = (await other.call("nexus_wait_for_events", { cursor, filter: { type: "n" }, waitMs: 0 })).structuredContent;
    expect(events.map(({ data }: any) => data)).toEqual([2]);
  });

  test("[mcp.9] what has come by then is answered rather than lost to the stop", async () => {
    const clock = testClock();
    await using site = await serve({ clock });
    await using agent = await connect(site.url);
    const { cursor } = await site.app.emitEvent("n", 1);
    const waited = agent.call("nexus_wait_for_events", { cursor });
    await clock.asleep(25_000);
    await site.app.emitEvent("n", 2);
    await clock.asleep(100);
    await site.app.stop({ deadlineMs: 0 });
    expect((await waited).structuredContent.events.map(({ data }: any) => data)).toEqual([2]);
  });

  test("[mcp.9] whoever waits for a run is told where to look for it; the run goes on at the next start", async () => {
    const store = memoryStore();
    const clock = testClock();
    const site = await serve({ store, clock, workflows: WORKFLOWS });
    await using agent = await connect(site.url);
    const run = agent.call("nexus_run_workflow", { workflow: "waiting" });
    await clock.asleep(25_000);
    await site.app.stop({ deadlineMs: 0 });
    const { isError, structuredContent } = await run;
    expect([isError ?? false, structuredContent]).toEqual([
      false,
      { runId: expect.any(String), status: expect.stringMatching(/^(running|waiting)$/), cursor: expect.any(String) },
    ]);
    await using again = await serve({ store, workflows: WORKFLOWS });
    await again.app.emitEvent("go", 1);
    await using other = await connect(again.url);
    const { runId, cursor } = structuredContent;
    const args = { cursor, filter: { runId }, stopOn: ["workflow.completed"] };
    const { events, timedOut } = (await other.call("nexus_wait_for_events", args)).structuredContent;
    expect([events.at(-1).type, timedOut]).toEqual(["workflow.completed", false]);
  });

  test("[mcp.9] [mcp.4] an events/stream ends with its result", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    const active = new Promise<void>((resolve) =>
      agent.onNotice(({ method }) => void (method === "notifications/events/active" && resolve())),
    );
    const stream = agent.ask("events/stream", { name: "nexus.event" });
    await active;
    await site.app.stop({ deadlineMs: 0 });
    expect(await stream).toBeTypeOf("object");
  });

  test("[mcp.9] once it stops, nothing more is taken", async () => {
    await using site = await serve({ workflows: WORKFLOWS });
    await using agent = await connect(site.url);
    const run = await site.app.startRun("endless");
    const stopped = site.app.stop({ deadlineMs: 60_000 });
    const answer = await site.app.fetch(
      new Request("http://localhost/mcp", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" }),
    );
    expect([answer.status, await answer.json()]).toEqual([503, expect.objectContaining({ code: "SERVER_STOPPING", retryable: true })]);
    await expect(agent.call("nexus_list_workflows")).rejects.toThrow();
    await run.cancel();
    await stopped;
  });
});
