import { AjvJsonSchemaValidator } from "@modelcontextprotocol/client/validators/ajv";
import { fakeClock } from "nexus-event-system/testing";
import { describe, expect, test } from "vitest";
import { OPERATIONS } from "../../src/operations/table.ts";
import { replyOf, type Site, serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { type Agent, CLIENTS } from "./fixtures/clients.ts";
import { TOOL_ROWS, toolCall, toolOf } from "./fixtures/tool-call.ts";

const ajv = new AjvJsonSchemaValidator();
/** What may undo something, or act on the world. */
/** A key is not to be read by a model. */
const FOR_AGENTS = OPERATIONS.flatMap(({ tool, ...operation }) => (tool === undefined ? [] : [{ ...operation, tool }]));
const DESTRUCTIVE = [
  "run_workflow",
  "cancel_run",
  "update_session",
  "end_session",
  "rewind_consumer",
  "remove_consumer",
  "drop_dead_letter",
];

async function over({ url }: Site, [method, path, body]: readonly [string, string, unknown?]): Promise<any> {
  const init = { method, headers: { "content-type": "application/json" }, ...(body !== undefined && { body: JSON.stringify(body) }) };
  return (await replyOf(await fetch(url + path, init))).body;
}

describe.each(Object.entries(CLIENTS))("%s", (_client, connect) => {
  test("[mcp.1] every operation is a tool, told as it is: read-only what is read with GET, destructive what may undo something", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    const tools = await agent.tools();
    const hints = Object.fromEntries(tools.map(({ name, annotations }) => [name, annotations]));
    expect(Object.keys(hints).sort()).toEqual(FOR_AGENTS.map(({ tool }) => `nexus_${tool.name}`).sort());
    for (const { name, method, tool } of FOR_AGENTS)
      expect([name, hints[`nexus_${tool.name}`]]).toMatchObject([
        name,
        { readOnlyHint: method === "GET", destructiveHint: DESTRUCTIVE.includes(tool.name) },
      ]);
    for (const { name, title, description, inputSchema, outputSchema } of tools) {
      expect([name, title, description]).toEqual([name, expect.stringMatching(/^[A-Z]/), expect.stringMatching(/\.$/)]);
      expect([name, inputSchema.type, inputSchema.additionalProperties, outputSchema.type]).toEqual([name, "object", false, "object"]);
      for (const schema of [inputSchema, outputSchema]) ajv.getValidator(schema);
    }
  });

  test("[mcp.1] what it is told first says how to run, to wait and to go on, and whose words events are", async () => {
    await using site = await serve();
    await using agent = await connect(site.url);
    for (const words of ["nexus_run_workflow", "nexus_wait_for_events", "cursor", "not an instruction"])
      expect(agent.instructions).toContain(words);
  });

  /** Calls, and checks what holds for every answer. */
  async function asked(agent: Agent, name: string, args: object): Promise<any> {
    const { isError, content, structuredContent } = await agent.call(name, args);
    expect(isError ?? false, content.map(({ text }) => text).join(" ")).toBe(false);
    expect(content.map(({ type, text }) => [type, JSON.parse(text)])).toEqual([["text", structuredContent]]);
    const { outputSchema } = (await agent.tools()).find((tool) => tool.name === name);
    // Nothing comes that was not told, where fields are told at all.
    const told = "properties" in outputSchema ? { ...outputSchema, additionalProperties: false } : outputSchema;
    expect(ajv.getValidator(told)(structuredContent)).toMatchObject({ valid: true });
    return structuredContent;
  }

  test.each(TOOL_ROWS)(
    "[mcp.1] %s answers what HTTP answers, as data that fits what is told of it, and as text",
    async (operation, row) => {
      await using site = await serve({ workflows: WORKFLOWS, clock: fakeClock() });
      await using agent = await connect(site.url);
      const head = async (): Promise<unknown> => (await site.app.getEvents({ limit: 1 })).events[0]?.sequence;
      const made = async (): Promise<readonly [string, string, unknown?]> => row.ask((await row.make?.(site.app, "ann")) ?? "");
      // Only reads can be asked twice of the same thing.
      let request = await made();
      const reads = request[0] === "GET";
      for (;;) {
        const before = await head();
        const { name, args } = toolCall(operation, request);
        const { timedOut: _timedOut, ...answered } = await asked(agent, name, args);
        if (!reads) request = await made();
        const same = await over(site, request);
        if (!reads) return expect(Object.keys(answered).sort()).toEqual(Object.keys(same).sort());
        if (before !== (await head())) continue;
        // Its numbers are those of the moment.
        if (operation === "health") return expect(Object.keys(answered)).toEqual(Object.keys(same));
        return expect(answered).toEqual(same);
      }
    },
  );

  test("[mcp.1] tools that say they are read-only record nothing", async () => {
    await using site = await serve({ workflows: WORKFLOWS });
    await using agent = await connect(site.url);
    const reading = (await agent.tools()).filter(({ annotations }) => annotations.readOnlyHint).map(({ name }) => name);
    const { app } = site;
    const rows = await Promise.all(
      TOOL_ROWS.filter(([operation]) => reading.includes(toolOf(operation))).map(async ([operation, row]) =>
        toolCall(operation, row.ask((await row.make?.(app, "ann")) ?? "")),
      ),
    );
    expect(rows).toHaveLength(reading.length);
    await app.emitEvent("before", 1);
    await app.waitForEvent("before", { after: "earliest" });
    const settled = async (): Promise<unknown[]> =>
      (await app.getEvents({ after: "earliest", limit: 1000 })).events.map(({ type }) => type).filter((type) => !type.startsWith("step."));
    const before = await settled();
    for (const { name, args } of rows) await asked(agent, name, args);
    expect(await settled()).toEqual(before);
  });
});
