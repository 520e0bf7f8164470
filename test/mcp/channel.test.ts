import { defineWorkflow } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { type Agent, CLIENTS } from "./fixtures/clients.ts";

const telling = defineWorkflow("telling", async (_inputs, ctx) => {
  await ctx.step("tell", () => ctx.emitEvent("told", { by: ctx.channel }));
  return ctx.channel;
});

async function answer(agent: Agent, tool: string, args: object = {}): Promise<any> {
  const { isError, content, structuredContent } = await agent.call(`nexus_${tool}`, args);
  if (isError === true) throw new Error(content[0]?.text);
  return structuredContent;
}

describe.each(Object.entries(CLIENTS))("%s", (_client, connect) => {
  test("[mcp.1] a run that is begun here has the channel mcp, in each of its events and in its code", async () => {
    await using site = await serve({ workflows: [telling] });
    await using agent = await connect(site.url);
    const { runId, status, result } = await answer(agent, "run_workflow", { workflow: "telling" });
    expect([status, result]).toEqual(["completed", "mcp"]);
    const { events } = (await site.get(`/runs/${runId}/events`)).body;
    expect(events.map(({ type, channel, userId }: any) => [type, channel, userId])).toEqual(
      ["workflow.started", "step.started", "told", "step.completed", "workflow.completed"].map((type) => [type, "mcp", "local"]),
    );
    expect((await site.get("/events?channel=mcp&type=workflow.*")).body.events).toHaveLength(2);
    expect((await site.get(`/runs/${runId}`)).body.channel).toBe("mcp");
  });

  test("[mcp.1] an event that is emitted here has the channel mcp; the same id again gives the first receipt", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    const told = { type: "a", data: { n: 1 }, id: "one", metadata: { k: 1 }, broadcast: true };
    const receipt = await answer(agent, "emit_event", told);
    const [event] = (await site.get("/events?type=a")).body.events;
    expect(event).toMatchObject({ ...told, ...receipt, channel: "mcp", userId: "local" });
    expect(await answer(agent, "emit_event", told)).toEqual(receipt);
    expect((await site.post("/events", told)).body).toEqual(receipt);
  });

  test("[mcp.1] [session.3] a session that is begun, joined or changed here says so, and every channel sees it", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    const own = await answer(agent, "create_session", { data: { theme: "dark" } });
    expect(own).toMatchObject({ channels: ["mcp"], data: { theme: "dark" } });
    const { id } = (await site.post("/sessions", { data: { a: 1, sessionId: "x" } })).body;
    expect((await answer(agent, "join_session", { sessionId: id })).channels).toEqual(["api", "mcp"]);
    // Whatever fields the changes have themselves.
    const changes = { a: null, sessionId: null, changes: { deep: { b: 2 } }, waitMs: "w" };
    const { data } = await answer(agent, "update_session", { sessionId: id, changes });
    expect(data).toEqual({ changes: { deep: { b: 2 } }, waitMs: "w" });
    expect((await site.get(`/sessions/${id}`)).body.data).toEqual(data);
    expect((await site.get("/events?type=session.updated")).body.events.at(-1)).toMatchObject({
      channel: "mcp",
      sessionId: id,
      data: { changes },
    });
    expect((await answer(agent, "end_session", { sessionId: id })).ended).toBe("ended");
  });

  test("[mcp.1] a run over HTTP and one over MCP have the same events, but for who began them", async () => {
    await using site = await serve({ workflows: WORKFLOWS });
    await using agent = await connect(site.url);
    const over = (await site.post("/workflows/double/execute", { inputs: { n: 4 } })).body;
    const here = await answer(agent, "run_workflow", { workflow: "double", inputs: { n: 4 } });
    expect([Object.keys(here), here.status, here.result]).toEqual([Object.keys(over), over.status, over.result]);
    const events = async (runId: string): Promise<unknown[]> =>
      (await answer(agent, "list_run_events", { runId })).events.map(({ type, data, workflowName, visibility, userId }: any) => [
        type,
        { ...data, durationMs: 0 },
        workflowName,
        visibility,
        userId,
      ]);
    expect(await events(here.runId)).toEqual(await events(over.runId));
  });

  test("[mcp.1] what a client says of its session holds here, too", async () => {
    await using site = await serve();
    const { id } = await site.app.sessions.create({ userId: "local" });
    await using agent = await connect(site.url, { "nexus-session": id });
    await answer(agent, "emit_event", { type: "a", data: 1 });
    expect((await site.get("/events?type=a")).body.events).toMatchObject([{ sessionId: id, channel: "mcp" }]);
  });

  test("[subscription.8] the cursor of a run's answer is the place just before its first event, also of one that goes on or fails", async () => {
    await using site = await serve({ workflows: WORKFLOWS });
    await using agent = await connect(site.url);
    for (const args of [{ workflow: "waiting", waitMs: 0 }, { workflow: "failing" }]) {
      await site.app.emitEvent("noise", 1);
      const { structuredContent, content } = await agent.call("nexus_run_workflow", args);
      const { runId, cursor } = structuredContent ?? JSON.parse(content[1]?.text ?? "");
      const { events } = await answer(agent, "wait_for_events", { cursor, waitMs: 0, filter: { runId } });
      expect([events[0].type, events[0].runId]).toEqual(["workflow.started", runId]);
      expect((await site.get(`/events?after=${cursor}&limit=1`)).body.events[0].id).toBe(events[0].id);
    }
  });
});
