import { defineWorkflow, jsonSchema } from "nexus-event-system";
import { expect, test } from "vitest";
import { cookie, guarded } from "../access/fixtures/people.ts";
import { serve } from "../http/fixtures/site.ts";
import { CLIENTS } from "./fixtures/clients.ts";
import { lineTo } from "./fixtures/events.ts";
import { answerOf, Line } from "./fixtures/wire.ts";

const connect = CLIENTS["2026-07-28"] as NonNullable<(typeof CLIENTS)[string]>;
const schema = { type: "object", properties: { region: { type: "string", "x-mcp-header": "Region" }, n: { type: "number" } } };
const routed = defineWorkflow("routed", { inputs: jsonSchema<{ region?: string }>(schema) }, ({ region }) => ({ region }));
const options = { workflows: [routed], mcp: { toolPerWorkflow: true } };

async function call(line: Line, args: object, headers: Record<string, string>): Promise<any> {
  return await answerOf(await line.send(line.request("tools/call", { name: "routed", arguments: args }, 1), headers));
}

test("[mcp.7] an input that is to come in a header too is compared with it: what differs is refused, and nothing is run", async () => {
  await using site = await serve(options);
  const line = lineTo(site);
  for (const [args, headers] of [
    [{ region: "eu" }, {}],
    [{ region: "eu" }, { "mcp-param-region": "us" }],
    [{ region: "eu" }, { "mcp-param-region": "=?base64?ZXU?=" }],
  ] as const) {
    const { status, message } = await call(line, args, headers);
    expect([args, headers, status, message.error?.code]).toEqual([args, headers, 400, -32020]);
  }
  expect((await site.get("/runs")).body.runs).toEqual([]);
  for (const header of ["eu", `=?base64?${btoa("eu")}?=`]) {
    const { message } = await call(line, { region: "eu", n: 1 }, { "mcp-param-region": header });
    expect(message.result.structuredContent.result).toEqual({ region: "eu" });
  }
  expect((await call(line, { n: 1 }, {})).message.result.isError).not.toBe(true);
});

test("[mcp.7] the client of others sends such headers by itself", async () => {
  await using site = await serve(options);
  await using agent = await connect(site.url);
  expect((await agent.call("routed", { region: "eu" })).structuredContent.result).toEqual({ region: "eu" });
});

test("[mcp.7] whoever may not run workflows learns of no tool by its headers", async () => {
  await using site = await guarded(options);
  const line = Line.to(site.url, "2026-07-28", cookie("only-events:read"));
  const { status, text } = await call(line, { region: "eu" }, {});
  expect(status).not.toBe(400);
  expect(text).toContain("FORBIDDEN");
});
