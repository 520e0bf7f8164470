import { memoryStore, type Store } from "nexus-event-system";
import { expect, test } from "vitest";
import { ERRORS } from "../../src/errors.ts";
import { serve, silent } from "./fixtures/site.ts";
import { WORKFLOWS } from "./fixtures/workflows.ts";

const REQUESTS: readonly (readonly [method: string, path: string, body: string | undefined, code: string])[] = [
  ["GET", "/nothing", undefined, "NOT_FOUND"],
  ["GET", "/workflows/none", undefined, "WORKFLOW_NOT_FOUND"],
  ["POST", "/workflows/none/execute", "{}", "WORKFLOW_NOT_FOUND"],
  ["POST", "/workflows/double/execute", "{}", "INPUT_INVALID"],
  ["POST", "/workflows/failing/execute", "{}", "WORKFLOW_FAILED"],
  ["GET", "/runs/none", undefined, "RUN_NOT_FOUND"],
  ["GET", "/runs/none/events", undefined, "RUN_NOT_FOUND"],
  ["POST", "/runs/none/cancel", "{}", "RUN_NOT_FOUND"],
  ["GET", "/runs?status=odd", undefined, "REQUEST_INVALID"],
  ["GET", "/events?colour=red", undefined, "FILTER_INVALID"],
  ["GET", "/events?after=rubbish", undefined, "CURSOR_INVALID"],
  ["GET", "/events?after=aaaaaaaaaa.1", undefined, "CURSOR_UNKNOWN"],
  ["GET", "/events?after=latest&before=latest", undefined, "OPTION_INVALID"],
  ["GET", "/events/stream?colour=red", undefined, "FILTER_INVALID"],
  ["GET", "/events/stream?onLoss=latest", undefined, "FILTER_INVALID"],
  ["GET", "/events/stream?since=1", undefined, "FILTER_INVALID"],
  ["GET", "/events/ws", undefined, "UPGRADE_REQUIRED"],
  ["POST", "/events", "{", "BODY_INVALID"],
  ["POST", "/events", "{}", "REQUEST_INVALID"],
  ["POST", "/events", '{"type":"run.x y","data":1}', "EVENT_TYPE_INVALID"],
  ["DELETE", "/events", undefined, "METHOD_NOT_ALLOWED"],
];

test.each(REQUESTS)("%s %s (%s) is a problem of the table: %s", async (method, path, body, code) => {
  await using site = await serve({ workflows: WORKFLOWS });
  const response = await fetch(site.url + path, { method, ...(body !== undefined && { body }) });
  const problem: any = await response.json();
  const row = ERRORS[code as keyof typeof ERRORS];
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect([response.status, problem]).toEqual([
    row.http,
    expect.objectContaining({
      type: `urn:nexus:error:${code}`,
      title: row.says,
      status: row.http,
      code,
      retryable: row.retryable,
      detail: expect.any(String),
    }),
  ]);
});

test.each(REQUESTS)("%s %s (%s) shows nothing of the inside", async (method, path, body) => {
  await using site = await serve({ workflows: WORKFLOWS });
  const text = await (await fetch(site.url + path, { method, ...(body !== undefined && { body }) })).text();
  expect(text).not.toMatch(/"stack"|\bat .*:\d+:\d+|node_modules|\/src\/|\.ts\b/);
});

test.each([
  ["/events", "GET, POST"],
  ["/workflows", "GET"],
  ["/workflows/double", "GET"],
  ["/workflows/double/execute", "POST"],
  ["/runs/x/cancel", "POST"],
  ["/events/stream", "GET"],
  ["/events/poll", "GET"],
  ["/health", "GET"],
])("another method at %s is 405, with those it has", async (path, allow) => {
  await using site = await serve();
  for (const method of ["PUT", "DELETE", "PATCH"]) {
    const response = await fetch(site.url + path, { method });
    expect([response.status, response.headers.get("allow"), ((await response.json()) as any).code]).toEqual([
      405,
      allow,
      "METHOD_NOT_ALLOWED",
    ]);
  }
});

/** A store that fails in a way that nobody expects, once it is told to. */
function breaking(): { store: Store; broken: { is: boolean } } {
  const inner = memoryStore();
  const broken = { is: false };
  return {
    broken,
    store: {
      name: inner.name,
      durability: inner.durability,
      [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
      open: async (setup) => {
        const opened = await inner.open(setup);
        const { log } = opened;
        return {
          state: opened.state,
          [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
          log: {
            append: (event, options) => log.append(event, options),
            waitPast: (position, signal) => log.waitPast(position, signal),
            head: () => log.head(),
            trim: (position) => log.trim(position),
            read: (query) => {
              if (broken.is) throw new TypeError("secret: cannot read /etc/nexus.key");
              return log.read(query);
            },
          },
        };
      },
    },
  };
}

test("what nobody expected is 500 INTERNAL, is logged, and tells the caller nothing of itself", async () => {
  const { store, broken } = breaking();
  const logged: unknown[] = [];
  await using site = await serve({ store, logger: { ...silent, error: (facts: unknown) => void logged.push(facts) } });
  broken.is = true;
  const { status, body } = await site.get("/events");
  expect([status, body.code, JSON.stringify(body).includes("secret")]).toEqual([500, "INTERNAL", false]);
  expect(logged).toContainEqual({ error: expect.objectContaining({ message: expect.stringContaining("secret") }) });
});

test("every retryable answer that says when also says so in Retry-After", async () => {
  const { defineWorkflow } = await import("nexus-event-system");
  const full = defineWorkflow("full", { concurrency: 1, queueLimit: 1 }, async (_inputs, ctx) => {
    await ctx.step("wait", ({ signal }) => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())));
  });
  await using site = await serve({ workflows: [full] });
  for (let n = 0; n < 2; n++) await site.post("/workflows/full/execute?waitMs=0");
  const { status, headers, body } = await site.post("/workflows/full/execute?waitMs=0");
  expect([status, body.code, body.retryAfterMs, headers.get("retry-after")]).toEqual([503, "OVERLOADED", 1000, "1"]);
});
