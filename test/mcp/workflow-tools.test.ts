import { defineWorkflow, memoryStore, Nexus, type NexusOptions } from "nexus-event-system";
import { describe, expect, test } from "vitest";
import { type Site, serve } from "../http/fixtures/site.ts";
import { double, WORKFLOWS, waiting } from "../http/fixtures/workflows.ts";
import { testClock } from "../workflows/test-clock.ts";
import { type Agent, CLIENTS, type Notice } from "./fixtures/clients.ts";

const EACH: NexusOptions<any, any, any> = { workflows: WORKFLOWS, mcp: { toolPerWorkflow: true } };

const namesOf = async (agent: Agent): Promise<string[]> => (await agent.tools()).map(({ name }) => name);

/** Listens, and is told of each notification in its turn. */
async function listening(
  site: Site,
  agent: Agent,
): Promise<{ readonly next: (method: string) => Promise<void>; readonly heard: readonly string[] }> {
  const heard: string[] = [];
  const left: string[] = [];
  let look = (): void => {};
  agent.onNotice(({ method }: Notice) => {
    heard.push(method);
    left.push(method);
    look();
  });
  await agent.listen();
  // Clients of before open their stream by themselves, and say nothing of it.
  for (;;) if ((await site.get("/health")).body.streams === 1) break;
  return {
    heard,
    next: (method) =>
      new Promise((resolve) => {
        look = () => {
          const at = left.indexOf(method);
          if (at === -1) return;
          left.splice(at, 1);
          resolve();
        };
        look();
      }),
  };
}

const TOOLS = "notifications/tools/list_changed";
const RESOURCES = "notifications/resources/list_changed";

describe.each(Object.entries(CLIENTS))("%s", (_client, connect) => {
  test("[mcp.7] each workflow is a tool of its own name, with its inputs as the tool's", async () => {
    await using site = await serve(EACH);
    await using agent = await connect(site.url);
    const tool = (await agent.tools()).find(({ name }) => name === "double");
    const { inputSchema, description } = (await site.get("/workflows/double")).body;
    expect(tool.inputSchema).toEqual(inputSchema);
    expect([tool.description, tool.annotations]).toMatchObject([
      expect.stringContaining(description),
      { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
    ]);
    const { structuredContent, content } = await agent.call("double", { n: 4 });
    expect(structuredContent).toMatchObject({ status: "completed", result: { doubled: 8 } });
    expect(content.map(({ text }) => JSON.parse(text))).toEqual([structuredContent]);
    expect((await site.get(`/runs/${structuredContent.runId}`)).body).toMatchObject({ channel: "mcp", workflowName: "double" });
  });

  test("[mcp.7] [mcp.1] what does not fit, and what fails, is the problem that HTTP answers", async () => {
    await using site = await serve(EACH);
    await using agent = await connect(site.url);
    const inputs = { n: "x", of: { unit: 1 } };
    const { isError, content } = await agent.call("double", inputs);
    const { body } = await site.post("/workflows/double/execute", { inputs });
    expect([isError, JSON.parse(content[1]?.text ?? "")]).toEqual([true, body]);
    expect((await site.get("/runs")).body.runs).toEqual([]);
    const failed = JSON.parse((await agent.call("failing")).content[1]?.text ?? "");
    expect(failed).toMatchObject({ code: "WORKFLOW_FAILED", error: { message: "disk full", step: "write" } });
  });

  test("[mcp.7] a run that takes longer is answered with the place to wait from", async () => {
    const clock = testClock();
    await using site = await serve({ ...EACH, clock });
    await using agent = await connect(site.url);
    const run = agent.call("waiting");
    await clock.asleep(25_000);
    await site.app.waitForEvent("step.started", { after: "earliest" });
    clock.advance(25_000);
    const { runId, status, cursor } = (await run).structuredContent;
    expect(status).toBe("waiting");
    const { events } = (await agent.call("nexus_wait_for_events", { cursor, waitMs: 0 })).structuredContent;
    expect(events[0]).toMatchObject({ type: "workflow.started", runId });
  });

  test("[mcp.7] whoever listens hears of each workflow that comes and goes, and calls and misses it over the connection it has", async () => {
    await using site = await serve({ mcp: { toolPerWorkflow: true } });
    await using agent = await connect(site.url);
    const { next } = await listening(site, agent);
    expect(await namesOf(agent)).not.toContain("double");
    await expect(agent.call("double", { n: 1 })).rejects.toMatchObject({ code: -32602 });
    site.app.register(double);
    await next(TOOLS);
    await next(RESOURCES);
    expect(await namesOf(agent)).toContain("double");
    expect((await agent.call("double", { n: 1 })).structuredContent.result).toEqual({ doubled: 2 });
    site.app.unregister("double");
    await next(TOOLS);
    expect(await namesOf(agent)).not.toContain("double");
    await expect(agent.call("double", { n: 1 })).rejects.toMatchObject({ code: -32602 });
  });

  test("[mcp.7] without the option, workflows are no tools, and lists of tools do not change", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    const { next, heard } = await listening(site, agent);
    site.app.register(double);
    site.app.unregister("double");
    site.app.register(waiting);
    for (let n = 0; n < 3; n++) await next(RESOURCES);
    expect(heard).not.toContain(TOOLS);
    expect(await namesOf(agent)).not.toContain("waiting");
    expect((await agent.call("nexus_run_workflow", { workflow: "waiting", waitMs: 0 })).isError).not.toBe(true);
  });

  test("[mcp.7] a workflow may be named like anything: a tool that there is stays what it is, and the workflow is run by that for all", async () => {
    const named = ["nexus_list_events", "nexus_run_workflow", "nexus_other", "constructor", "__proto__", "toString", "a.b-c_d", "nexus"];
    const workflows = named.map((name) => defineWorkflow(name, () => `by ${name}`));
    await using site = await serve({ workflows, mcp: { toolPerWorkflow: true } });
    await using agent = await connect(site.url);
    const names = await namesOf(agent);
    expect(names).toEqual([...new Set(names)]);
    expect(named.filter((name) => !names.includes(name))).toEqual([]);
    expect((await agent.call("nexus_list_events")).structuredContent.events).toHaveLength(named.length);
    for (const workflow of named)
      expect((await agent.call("nexus_run_workflow", { workflow })).structuredContent.result).toBe(`by ${workflow}`);
    for (const workflow of named.slice(2)) expect((await agent.call(workflow)).structuredContent.result).toBe(`by ${workflow}`);
  });

  test("[mcp.7] of more than a hundred the first hundred are tools; all can be run", async () => {
    // In the order of their names, as they are listed.
    const names = Array.from({ length: 103 }, (_, n) => `w${String(n).padStart(3, "0")}`);
    const workflows = names.toReversed().map((name) => defineWorkflow(name, () => name));
    await using site = await serve({ workflows, mcp: { toolPerWorkflow: true } });
    await using agent = await connect(site.url);
    expect((await namesOf(agent)).filter((name) => name.startsWith("w"))).toEqual(names.slice(0, 100));
    expect((await agent.call("w099")).structuredContent.result).toBe("w099");
    await expect(agent.call("w100")).rejects.toMatchObject({ code: -32602 });
    expect((await agent.call("nexus_run_workflow", { workflow: "w100" })).structuredContent.result).toBe("w100");
    // One that goes makes room for the next.
    site.app.unregister("w000");
    expect((await agent.call("w100")).structuredContent.result).toBe("w100");
  });

  test("[mcp.7] with mcp: false there is nothing at /mcp", async () => {
    await using site = await serve({ mcp: false });
    await expect(connect(site.url)).rejects.toThrow();
    for (const { status, body } of [await site.post("/mcp", { jsonrpc: "2.0", id: 1, method: "ping" }), await site.get("/mcp")])
      expect([status, body.code]).toEqual([404, "NOT_FOUND"]);
  });
});

test.each([
  [{ tools: true }, "OPTION_UNSUPPORTED", "mcp.tools"],
  [{ toolPerWorkflow: "yes" }, "OPTION_INVALID", "mcp.toolPerWorkflow"],
  [true, "OPTION_INVALID", "mcp"],
  [null, "OPTION_INVALID", "mcp"],
  ["off", "OPTION_INVALID", "mcp"],
])("[mcp.7] the option mcp: %j is refused with %s", (mcp, code, option) => {
  expect(() => new Nexus({ store: memoryStore(), mcp: mcp as never })).toThrow(
    expect.objectContaining({ code, details: expect.objectContaining({ option }) }),
  );
});
