import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Parser } from "@asyncapi/parser";
import { defineEvent, defineWorkflow, FatalError, jsonSchema, memoryStore, type NexusOptions, type Principal } from "nexus-event-system";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { DataProcessed, RowRejected } from "../../examples/import/events.ts";
import { importMovies } from "../../examples/import/import-movies.ts";
import { monitoredProcess } from "../../examples/import/monitored-process.ts";
import { serve } from "../http/fixtures/site.ts";

const REDOCLY = join(import.meta.dirname, "../../node_modules/@redocly/cli/bin/cli.js");
const folder = await mkdtemp(join(tmpdir(), "nexus-documents-"));
afterAll(() => rm(folder, { recursive: true }));

const tree: any = z.lazy(() => z.object({ name: z.string(), children: z.array(tree) }));
/** Names and schemas that a document has to cope with. */
const ODD: NexusOptions<any, any, any> = {
  name: "odd-1_.x",
  events: [
    defineEvent("..", { schema: { "a b": "string?", $ref: "string?" } as object as { a: "string" } }),
    defineEvent("A-_.9", { description: 'quotes " and \\ and\nlines', schema: tree }),
    defineEvent("ids", {
      schema: jsonSchema({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        $id: "https://example.com/ids",
        $defs: { id: { $anchor: "id", type: "string", default: { $ref: "#/nowhere" } } },
        type: "object",
        properties: { id: { $ref: "#/$defs/id" }, next: { $ref: "#" }, const: { const: { $ref: "x" } } },
      }),
    }),
    defineEvent("anything"),
  ],
  workflows: [defineWorkflow("w-_.1", () => 1)],
};
const EXAMPLE: NexusOptions<any, any, any> = {
  name: "films",
  events: [RowRejected, DataProcessed],
  workflows: [importMovies, monitoredProcess],
};

describe.each([
  ["the example", EXAMPLE],
  ["odd names", ODD],
])("%s", (_name, options) => {
  test("[documents.1] /openapi.json is accepted by Redocly without an error", async () => {
    await using site = await serve(options);
    const { status, body } = await site.get("/openapi.json");
    expect([status, body.openapi, body.info.title]).toEqual([200, "3.1.0", options.name]);
    const file = join(folder, `${options.name}.json`);
    await writeFile(file, JSON.stringify(body));
    const { stdout } = await promisify(execFile)(process.execPath, [REDOCLY, "lint", file, "--extends=recommended", "--format=json"], {
      env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
      maxBuffer: 64 * 1024 * 1024,
    }).catch((error: { stdout: string }) => error);
    const { problems } = JSON.parse(stdout.slice(stdout.indexOf("{"))) as {
      problems: { ruleId: string; message: string; severity: string }[];
    };
    expect(problems.map(({ severity, ruleId, message }) => `${severity} ${ruleId}: ${message}`)).toEqual([
      // That of a WebSocket is 101.
      "warn operation-2xx-response: Operation must have at least one `2XX` response.",
    ]);
  });

  test("[documents.2] /asyncapi.json is accepted by the official parser without an error", async () => {
    await using site = await serve(options);
    const { status, body } = await site.get("/asyncapi.json");
    expect([status, body.asyncapi]).toEqual([200, "3.0.0"]);
    const { document, diagnostics } = await new Parser().parse(JSON.stringify(body));
    expect(diagnostics.filter(({ severity }) => severity === 0).map(({ message, path }) => `${path.join(".")}: ${message}`)).toEqual([]);
    const names = document
      ?.messages()
      .all()
      .map((message) => message.name());
    for (const { name } of (await site.get("/event-types")).body.eventTypes) expect(names).toContain(name);
  });
});

test.each([
  ["/openapi.json", "workflows:read"],
  ["/asyncapi.json", "events:read"],
] as const)("[documents.3] %s needs the scope %s once there are credentials", async (path, scope) => {
  await using site = await serve({
    auth: {
      authenticate: ({ headers }) => {
        const scopes = headers.get("scopes");
        return scopes === null ? undefined : { userId: "ann", scopes: scopes.split(" ") as Principal["scopes"] };
      },
    },
  });
  expect((await site.get(path)).status).toBe(401);
  expect((await site.get(path, { scopes: "events:emit" })).body).toMatchObject({ code: "FORBIDDEN" });
  expect((await site.get(path, { scopes: scope })).status).toBe(200);
});

test("[documents.1] what operations answer fits what the document says of them", async () => {
  const workflow = defineWorkflow("double", { inputs: { n: "number" } }, async ({ n }, ctx) => await ctx.step("times", () => n * 2));
  await using site = await serve({ store: memoryStore(), workflows: [workflow], events: [RowRejected] });
  const { app } = site;
  app.consumer("c", { type: "n" }, () => {
    throw new FatalError("never");
  });
  app.schedule("hourly", { workflow, everyMs: 3_600_000, inputs: { n: 1 } });
  const { body: document } = await site.get("/openapi.json");
  const seen = new Set<string>();
  const check = async (method: string, path: string, template: string, body?: unknown, headers: object = {}): Promise<any> => {
    const response = await fetch(site.url + path, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answered = await response.json();
    const operation = document.paths[template][method.toLowerCase()];
    const said = operation.responses[response.status];
    expect(said, `${method} ${path}: ${response.status} ${JSON.stringify(answered)}`).toBeDefined();
    const schema = jsonSchema({ ...said.content["application/json"].schema, components: document.components });
    expect(schema["~standard"].validate(answered), `${method} ${path}`).toEqual({ value: answered });
    seen.add(operation.operationId);
    return answered;
  };
  const { runId } = await check("POST", "/workflows/double/execute", "/workflows/{workflow}/execute", { inputs: { n: 2 } });
  await check("POST", "/workflows/double/execute?waitMs=0", "/workflows/{workflow}/execute", { inputs: { n: 2 } });
  await check("GET", "/workflows", "/workflows");
  await check("GET", "/workflows/double", "/workflows/{name}");
  await check("GET", "/runs", "/runs");
  await check("GET", `/runs/${runId}`, "/runs/{runId}");
  await check("GET", `/runs/${runId}/events`, "/runs/{runId}/events");
  await check("POST", `/runs/${runId}/cancel`, "/runs/{runId}/cancel", {});
  const { id: eventId } = await check("POST", "/events", "/events", { type: "n", data: 1, id: "n-1" });
  await check("POST", "/events", "/events", { type: "n", data: 1, id: "n-1" });
  await check("GET", "/events?limit=3", "/events");
  await check("GET", "/events/poll?after=earliest", "/events/poll");
  await check("GET", "/event-types", "/event-types");
  await check("GET", "/event-types/row.rejected", "/event-types/{name}");
  const { id } = await check("POST", "/sessions", "/sessions", { data: { a: 1 } });
  await check("GET", "/sessions", "/sessions");
  await check("PATCH", `/sessions/${id}`, "/sessions/{sessionId}", { a: null });
  await check("POST", `/sessions/${id}/join`, "/sessions/{sessionId}/join", {});
  await check("GET", `/sessions/${id}`, "/sessions/{sessionId}");
  await check("POST", `/sessions/${id}/end`, "/sessions/{sessionId}/end", {});
  await app.waitForEvent("consumer.dead_lettered", { after: "earliest" });
  await check("GET", "/consumers", "/consumers");
  await check("GET", "/consumers/c", "/consumers/{name}");
  for (const action of ["pause", "resume"]) await check("POST", `/consumers/c/${action}`, `/consumers/{name}/${action}`, {});
  await check("POST", "/consumers/c/rewind", "/consumers/{name}/rewind", { to: "latest" });
  await check("GET", "/dead-letters", "/dead-letters");
  await check("GET", `/dead-letters/c/${eventId}`, "/dead-letters/{consumer}/{eventId}");
  await check("DELETE", `/dead-letters/c/${eventId}`, "/dead-letters/{consumer}/{eventId}");
  await check("DELETE", "/consumers/c", "/consumers/{name}");
  await check("GET", "/schedules", "/schedules");
  await check("GET", "/health", "/health");
  // From the first key on every call needs one.
  const { key } = await check("POST", "/keys", "/keys", { userId: "ann", scopes: ["admin"], name: "first", expiresInMs: 60_000 });
  const authorization = { authorization: `Bearer ${key}` };
  const { keys } = await check("GET", "/keys", "/keys", undefined, authorization);
  const { key: next } = await check("POST", `/keys/${keys[0].id}/rotate`, "/keys/{keyId}/rotate", {}, authorization);
  await check("POST", `/keys/${keys[0].id}/revoke`, "/keys/{keyId}/revoke", {}, { authorization: `Bearer ${next}` });
  const described: string[] = Object.values(document.paths as Record<string, object>).flatMap((methods) =>
    Object.values(methods).map(({ operationId }: any) => operationId as string),
  );
  // Those of the last line are proved by the tests of streams, consumers and documents.
  const elsewhere = ["events.stream", "events.ws", "documents.openapi", "documents.asyncapi", "documents.metrics", "deadLetters.redeliver"];
  expect(described.filter((name) => !seen.has(name) && !elsewhere.includes(name))).toEqual([]);
});
