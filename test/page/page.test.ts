import { once } from "node:events";
import { createServer } from "node:http";
import { defineEvent, defineWorkflow, memoryStore, Nexus } from "nexus-event-system";
import { toNodeHandler } from "nexus-event-system/node";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { launched, PATIENCE } from "./browser.ts";
import { StartedServer } from "./started-server.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });
let browser: Browser;
let context: BrowserContext;
let server: StartedServer;

beforeAll(async () => {
  browser = await launched();
});
afterAll(() => browser.close());
beforeEach(async () => {
  const started = await StartedServer.open();
  server = started;
  const fresh = await browser.newContext();
  context = fresh;
  return async () => {
    await fresh.close();
    await started[Symbol.asyncDispose]();
  };
});

test("[event.6] a workflow that is run from the page, by keyboard alone, is seen live, and its broadcasts by everyone who looks", async () => {
  const other = await open(server.url);
  const { page, complaints } = await open(server.url);

  await page.locator("#workflows summary", { hasText: "monitored-process" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Run monitored-process" }).focus();
  await page.keyboard.press("Enter");

  await page.getByRole("progressbar").waitFor(PATIENCE);
  await page.locator("#notifications").getByText("PROGRESS_UPDATE").waitFor(PATIENCE);
  await other.page.locator("#notifications").getByText("PROGRESS_UPDATE").waitFor(PATIENCE);
  await page.locator("#run .badge", { hasText: "completed" }).waitFor(PATIENCE);
  await page.locator("#run pre", { hasText: '"steps": 10' }).waitFor(PATIENCE);
  await other.page.locator("#runs .badge", { hasText: "completed" }).waitFor(PATIENCE);
  await expect.poll(() => page.locator("#events .type", { hasText: "PROGRESS_UPDATE" }).count(), PATIENCE).toBe(10);
  expect([...complaints, ...other.complaints]).toEqual([]);
});

test("[subscription.2] kill -9 in the middle of a run: the page goes on by itself, says that nothing was missed, and nothing was", async () => {
  const { page, complaints } = await open(server.url);
  await page.locator("#workflows summary", { hasText: "import-movies" }).click();
  await page.getByRole("button", { name: "Run import-movies" }).click();
  await page
    .locator("#run")
    .getByText(/row \d+ of 3201/)
    .waitFor(PATIENCE);

  await server.kill();
  await page.locator("#state", { hasText: "connection lost, trying again" }).waitFor(PATIENCE);
  await server.start();
  await page.locator("#state", { hasText: "back, nothing missed" }).waitFor(PATIENCE);
  await page.locator("#run .badge", { hasText: "completed" }).waitFor(PATIENCE);

  const recorded = await server.events();
  const run = recorded.filter((event) => event.workflowName === "import-movies" && event.runId !== undefined);
  const times = (type: string): number => run.filter((event) => event.type === type).length;
  expect([times("workflow.started"), times("workflow.resumed"), times("workflow.completed"), times("row.rejected")]).toEqual([1, 1, 1, 9]);
  const steps = run.filter((event) => event.type === "step.completed").map((event) => event.data.step);
  expect(new Set(steps).size).toBe(steps.length);
  // Newest on top: read from below, what the page shows is the log itself.
  const shown = page.locator("#events li[data-sequence]");
  const sequences = (): Promise<number[]> =>
    shown.evaluateAll((rows) => rows.map((row) => Number(row.getAttribute("data-sequence"))).reverse());
  await expect.poll(sequences, PATIENCE).toEqual(recorded.map((event) => event.sequence).slice(-200));
  // The browser itself reports requests to a server that is not there.
  expect(complaints.filter((complaint) => !complaint.includes("net::ERR_"))).toEqual([]);
});

test("[subscription.7] a server that stops says so, and the page is back when it is", async () => {
  const { page } = await open(server.url);

  await server.stop();
  await page.locator("#state", { hasText: "The server is stopping. Trying again" }).waitFor(PATIENCE);
  await server.start();

  await page.locator("#state", { hasText: "back, nothing missed" }).waitFor(PATIENCE);
});

test("[subscription.1] a page whose place in the log is gone says so plainly and reads everything again", async () => {
  const { page } = await open(server.url);
  await server.emit({ type: "only.here", data: {} });
  await page.locator("#events .type", { hasText: "only.here" }).waitFor(PATIENCE);

  await server.kill();
  server.loseLog();
  await server.start();

  await page.getByRole("alert").getByText("Events may be missing: this is another log").waitFor(PATIENCE);
  await page.locator("#state", { hasText: "live" }).waitFor(PATIENCE);
  await server.emit({ type: "in.the.new.log", data: {} });
  await page.locator("#events .type", { hasText: "in.the.new.log" }).waitFor(PATIENCE);
  expect(await page.locator("#events .type", { hasText: "only.here" }).count()).toBe(0);
});

test("[page.2] a hostile event is shown as text, and its invisible characters are made visible", async () => {
  const { page, complaints } = await open(server.url);
  const hostile = {
    "<img src=x onerror=alert(1)>": "<script>alert(2)</script>",
    bidi: "invoice\u202efdp.exe",
    control: "\u0007\u001b[31m\u0085",
  };
  await server.emit({ type: "hostile.one", data: hostile });
  await server.emit({ type: "hostile.two", data: hostile, broadcast: true });
  await server.execute("monitored-process", hostile, 0);

  const row = page.locator("#events details", { hasText: "hostile.one" });
  await row.locator("summary").click();
  await row.locator("pre").getByText('"<img src=x onerror=alert(1)>": "<script>alert(2)</script>"').waitFor(PATIENCE);
  await row.locator("pre").getByText("invoice\\u202efdp.exe").waitFor(PATIENCE);
  await page.locator("#notifications").getByText("<img src=x onerror=alert(1)>").waitFor(PATIENCE);
  await page.locator("#runs a").click();
  await page.locator("#run").getByText("Inputs").click();
  await page.locator("#run pre").getByText("<img src=x onerror=alert(1)>").waitFor(PATIENCE);

  expect(await page.locator("img, body script").count()).toBe(0);
  expect((await page.locator("body").innerText()).replaceAll(/[\n\t]/g, "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(complaints).toEqual([]);
});

test("[event.6] the filter shows what matches, and every broadcast, from history and live", async () => {
  for (const n of [1, 2]) await server.emit({ type: "order.paid", data: { n } });
  await server.emit({ type: "other.thing", data: {} });
  await server.emit({ type: "NEWS", data: {}, broadcast: true });
  const { page } = await open(server.url);
  const types = (): Promise<string[]> => page.locator("#events .type").allTextContents();

  await page.getByLabel("Types").fill("order.*");
  await expect.poll(types, PATIENCE).toEqual(["NEWS", "order.paid", "order.paid"]);
  await server.emit({ type: "other.thing", data: {} });
  await server.emit({ type: "order.paid", data: { n: 3 } });
  await expect.poll(types, PATIENCE).toEqual(["order.paid", "NEWS", "order.paid", "order.paid"]);

  await page.getByLabel("Types").fill("order.*.paid");
  await page.locator("#filter-note").getByText('"order.*.paid" is neither a type').waitFor(PATIENCE);
});

test("inputs that do not fit are refused beside their field, a run can be cancelled, and a failure says why", async () => {
  const { page } = await open(server.url);
  await page.locator("#workflows summary", { hasText: "import-movies" }).click();
  await page.getByLabel("batch").fill("0");
  await page.getByRole("button", { name: "Run import-movies" }).click();
  await page.locator('input[aria-invalid="true"]').waitFor(PATIENCE);
  expect(await page.locator("#runs a").count()).toBe(0);

  await page.getByLabel("batch").fill("100");
  await page.getByRole("button", { name: "Run import-movies" }).click();
  await page.getByRole("button", { name: "Cancel this run of import-movies" }).click(PATIENCE);
  await page.locator("#run .badge", { hasText: "cancelled" }).waitFor(PATIENCE);

  await page.getByLabel("batch").fill("1000");
  await page.getByLabel("maxRejected").fill("1");
  await page.getByRole("button", { name: "Run import-movies" }).click();
  await page.locator("#run").getByText("rows are bad, 1 are allowed").first().waitFor(PATIENCE);
});

test("[app.4] the page works under a path of another server", async () => {
  const Told = defineEvent("told");
  const tell = defineWorkflow("tell", async (_inputs, ctx) => {
    await ctx.broadcastEvent(Told, { to: "all" });
    return { done: true };
  });
  await using app = new Nexus({ store: memoryStore(), workflows: [tell], events: [Told] });
  const host = createServer(toNodeHandler(app.handler({ basePath: "/inside/nexus" }))).listen(0, "127.0.0.1");
  await once(host, "listening");
  try {
    const address = host.address();
    const { page, complaints } = await open(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/inside/nexus/`);
    await page.locator("#workflows summary", { hasText: "tell" }).click();
    await page.getByRole("button", { name: "Run tell" }).click();
    await page.locator("#run .badge", { hasText: "completed" }).waitFor(PATIENCE);
    await page.locator("#notifications").getByText("told").waitFor(PATIENCE);
    expect(complaints).toEqual([]);
  } finally {
    host.close();
    host.closeAllConnections();
  }
});

test("[subscription.6] the browser's own EventSource and WebSocket receive the identical sequence for one filter and cursor", async () => {
  const { page, complaints } = await open(server.url);
  const { cursor } = await server.execute("import-movies", { pauseMs: 0 }, 20_000);
  const ask = { url: server.url, type: ["workflow.*", "row.rejected", "live.*"], after: cursor, last: "live.last" };

  const collected = page.evaluate(collect, ask);
  // While both are between history and now.
  await Promise.all(
    Array.from({ length: 100 }, (_, n) => server.emit({ type: n % 2 ? "live.odd" : "passed.over", data: { n }, broadcast: n % 10 === 0 })),
  );
  await server.emit({ type: ask.last, data: {} });

  const { sse, ws } = await collected;
  expect(ws).toEqual(sse);
  const recorded = await server.events(`&type=${ask.type.join(",")}&broadcast=include`);
  const first = recorded.findIndex((event) => event.type === "workflow.started");
  expect(sse.events).toEqual(recorded.slice(first));
  expect(sse.resume).toMatchObject({ requested: cursor, from: cursor, recovered: true });
  expect(complaints).toEqual([]);
});

async function open(url: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  await page.locator("#state", { hasText: "live" }).waitFor(PATIENCE);
  return { page, complaints };
}

interface Received {
  resume: unknown;
  readonly events: unknown[];
}

/** Runs in the browser, so it can name nothing outside itself. */
async function collect(ask: { url: string; type: string[]; after: string; last: string }): Promise<{ sse: Received; ws: Received }> {
  const sse: Received = { resume: undefined, events: [] };
  const overEvents = new Promise<void>((resolve, reject) => {
    const source = new EventSource(`${ask.url}events/stream?type=${ask.type.join(",")}&broadcast=include&after=${ask.after}`);
    source.addEventListener("resume", (frame) => {
      sse.resume = JSON.parse((frame as MessageEvent).data);
    });
    source.addEventListener("message", (frame) => {
      const event = JSON.parse(frame.data);
      sse.events.push(event);
      if (event.type !== ask.last) return;
      source.close();
      resolve();
    });
    source.addEventListener("error", () => reject(new Error("the EventSource failed")));
  });

  const ws: Received = { resume: undefined, events: [] };
  const overWebSocket = new Promise<void>((resolve, reject) => {
    const socket = new WebSocket(`${ask.url.replace("http", "ws")}events/ws`, "nexus.v1");
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ op: "subscribe", id: "1", filter: { type: ask.type, broadcast: "include" }, after: ask.after }));
    });
    socket.addEventListener("message", (message) => {
      const { kind, id: _id, ...frame } = JSON.parse(message.data);
      if (kind === "resume") ws.resume = frame;
      if (kind !== "event") return;
      ws.events.push(frame.event);
      if (frame.event.type !== ask.last) return;
      socket.close();
      resolve();
    });
    socket.addEventListener("close", (close) => reject(new Error(`the WebSocket closed: ${close.code} ${close.reason}`)));
  });

  await Promise.all([overEvents, overWebSocket]);
  return { sse, ws };
}
