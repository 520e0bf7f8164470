import { readFileSync } from "node:fs";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";
import parsePrometheusTextFormat from "parse-prometheus-text-format";
import { expect, test } from "vitest";
import { guarded } from "../access/fixtures/people.ts";
import { serve, silent } from "../http/fixtures/site.ts";
import { Stream } from "../http/fixtures/stream.ts";

type Family = ReturnType<typeof parsePrometheusTextFormat>[number];

async function metricsOf(url: string): Promise<ReadonlyMap<string, Family>> {
  const response = await fetch(`${url}/metrics`);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  const families = parsePrometheusTextFormat(await response.text());
  return new Map(families.map((family) => [family.name, family]));
}

function value(families: ReadonlyMap<string, Family>, name: string, labels?: Readonly<Record<string, string>>): number {
  const of = families
    .get(name)
    ?.metrics.filter((metric) => Object.entries(labels ?? {}).every(([label, text]) => metric.labels?.[label] === text));
  expect([name, of?.length]).toEqual([name, 1]);
  return Number(of?.[0]?.value);
}

test("[app.10] /metrics is what /health says at the same moment, for Prometheus to read; each has its help and type", async () => {
  await using site = await serve({ workflows: [defineWorkflow("clean", () => "done")] });
  const billing = site.app.consumer("billing", { type: "order.paid", from: "earliest", retry: { attempts: 1 } }, ({ data }) => {
    if (data === 2) throw new Error("not that one");
  });
  site.app.schedule("nightly", { workflow: "clean", cron: "0 3 * * *", inputs: {} });
  for (let n = 0; n < 3; n++) await site.app.emitEvent("order.paid", n);
  await site.app.waitForEvent("consumer.dead_lettered", { after: "earliest" });
  await expect.poll(async () => (await billing.status()).lag, { interval: 2 }).toBe(0);
  await using stream = await Stream.open(`${site.url}/events/stream`);
  await stream.frame();
  await site.get("/nowhere");
  const [families, { body: health }] = [await metricsOf(site.url), await site.get("/health")];
  for (const { name, help, type } of families.values()) {
    expect([name, help.length > 0, type]).toEqual([name, true, name.endsWith("_total") ? "COUNTER" : "GAUGE"]);
  }
  expect(value(families, "nexus_log_head")).toBe(health.log.head);
  expect(value(families, "nexus_log_floor")).toBe(health.log.floor);
  expect(value(families, "nexus_streams_open")).toBe(health.streams);
  expect(value(families, "nexus_ready")).toBe(1);
  expect(value(families, "nexus_consumer_lag_events", { consumer: "billing" })).toBe(0);
  expect(value(families, "nexus_consumer_dead_letters", { consumer: "billing" })).toBe(1);
  expect(value(families, "nexus_consumer_delivered_total", { consumer: "billing" })).toBe(2);
  expect(value(families, "nexus_consumer_status", { consumer: "billing", status: "active" })).toBe(1);
  expect(value(families, "nexus_schedule_due_seconds", { schedule: "nightly" }) * 1000).toBe(health.schedules[0].nextAt);
  expect(value(families, "nexus_dead_letters_total")).toBe(health.counters.dead_letters);
  expect(value(families, "nexus_problems_total", { code: "NOT_FOUND" })).toBe(health.counters.problems_not_found);
  expect(value(families, "process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
});

test("[app.10] a counter is there, with 0, before anything was counted; what is counted by a code comes with the first of that code", async () => {
  await using site = await serve();
  const families = await metricsOf(site.url);
  for (const name of ["slow_readers", "streams_refused", "dead_letters", "events_forgotten"])
    expect(value(families, `nexus_${name}_total`)).toBe(0);
  expect(families.get("nexus_problems_total")?.metrics).toEqual([]);
});

test("[app.10] [access.4] with credentials it needs admin; under a base path it stands there", async () => {
  await using site = await guarded();
  expect([(await site.get("/metrics")).status, (await site.as("ann").get("/metrics")).status]).toEqual([401, 403]);
  await using app = new Nexus({ store: memoryStore(), logger: silent });
  const answer = await app.handler({ basePath: "/nexus" })(new Request("http://localhost/nexus/metrics"));
  expect([answer.status, (await answer.text()).startsWith("# HELP nexus_build_info ")]).toEqual([200, true]);
});

test("docs/operating.md names every metric there is, and none that is not", async () => {
  await using site = await serve();
  const page = readFileSync(new URL("../../docs/operating.md", import.meta.url), "utf8");
  const section = page.slice(page.indexOf("## Metrics"), page.indexOf("\n## ", page.indexOf("## Metrics") + 1));
  const named = [...section.matchAll(/^\| `([a-z_]+)`/gm)].map(([, name = ""]) => name);
  expect(named).toEqual([...(await metricsOf(site.url)).keys()]);
});
