import { Counter, Histogram, Registry } from "@prometheus-io/client";
import { defineWorkflow } from "nexus-event-system";
import { expect, test } from "vitest";
import { failure, memoryScene } from "../workflows/scene.ts";
import { testClock } from "../workflows/test-clock.ts";

/** A user's own metrics: two names, on a registry that Prometheus reads. */
function metricsOn(registry: Registry): {
  record(name: string, value: number): void;
  increment(name: string, labels: { readonly workflow: string }): void;
  text(): Promise<readonly string[]>;
} {
  const completion = new Histogram({
    name: "workflow_completion",
    help: "How long runs took, in milliseconds.",
    buckets: [1_000, 60_000],
    registers: [registry],
  });
  const errors = new Counter({ name: "workflow_errors", help: "Runs that failed.", labelNames: ["workflow"], registers: [registry] });
  return {
    record: (_name, value) => completion.observe(value),
    increment: (_name, labels) => errors.inc(labels),
    text: async () => (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#")),
  };
}

test("[handler.1] handlers keep a user's Prometheus metrics: a histogram of what completed, a labelled counter of what failed", async () => {
  await using place = memoryScene();
  const clock = testClock();
  const metrics = metricsOn(new Registry());
  const quick = defineWorkflow("quick", () => 1);
  const slow = defineWorkflow("slow", () => clock.advance(90_000));
  const broken = defineWorkflow("broken", () => {
    throw new Error("no");
  });
  const app = await place.start({ clock, workflows: [quick, slow, broken] });
  const long: string[] = [];
  app.onWorkflowCompleted((event) => metrics.record("workflow_completion", event.durationMs));
  app.onWorkflowFailed((event) => metrics.increment("workflow_errors", { workflow: event.workflowName }));
  app.onWorkflowCompleted((event) => {
    if (event.durationMs > 60_000) long.push(`Long-running workflow: ${event.workflowName} took ${event.durationMs} ms`);
  });
  await app.execute(quick);
  await app.execute(slow);
  for (let n = 0; n < 2; n++) expect(await failure(app.execute(broken))).toBe("no");
  await app.settled();
  expect(await metrics.text()).toEqual([
    'workflow_completion_bucket{le="1000"} 1',
    'workflow_completion_bucket{le="60000"} 1',
    'workflow_completion_bucket{le="+Inf"} 2',
    "workflow_completion_sum 90000",
    "workflow_completion_count 2",
    'workflow_errors{workflow="broken"} 2',
  ]);
  expect(long).toEqual(["Long-running workflow: slow took 90000 ms"]);
});
