import { setImmediate } from "node:timers/promises";
import { defineWorkflow, NexusError, WorkflowBuilder } from "nexus-event-system";
import { expect, test } from "vitest";
import { ended, failure, memoryScene, story } from "./scene.ts";

const give = (value: unknown) => ({ run: () => value });
const pass = { run: (inputs: unknown) => inputs };

/** Runs a graph. */
async function resultOf(builder: WorkflowBuilder, inputs: object = {}): Promise<unknown> {
  await using scene = memoryScene();
  const app = await scene.start();
  return await app.execute(app.register("graph", builder.build()), inputs as never);
}

/** What build() finds wrong. */
function faultsOf(builder: WorkflowBuilder): readonly string[] {
  try {
    builder.build();
  } catch (error) {
    if (NexusError.is(error, "GRAPH_INVALID")) return error.details.faults.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

test("[graph.1] each node is a step with its name", async () => {
  await using scene = memoryScene();
  const app = await scene.start();
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "a", give(1))
    .addNode("CodeNode", "b", pass)
    .addConnection("a", "result", "b", "in");
  const run = await app.startRun(app.register("graph", graph.build()));
  await run.result();
  expect(await story(app, run.runId)).toEqual([
    "workflow.started",
    "step.started a@1",
    "step.completed a@1",
    "step.started b@1",
    "step.completed b@1",
    "workflow.completed",
  ]);
});

test("[graph.1] port `result` is the whole value, `result.a.b` a path in it, any other name a property of it", async () => {
  const value = { a: { b: 2 }, result: "own", rows: [3] };
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "from", give(value))
    .addNode("CodeNode", "to", pass)
    .addConnection("from", "result", "to", "whole")
    .addConnection("from", "result.a.b", "to", "path")
    .addConnection("from", "rows", "to", "property")
    .addConnection("from", "constructor", "to", "nothing");
  expect(await resultOf(graph)).toEqual({ whole: value, path: 2, property: [3] });
});

test("[graph.1] a node without incoming connections gets the run's inputs, any other exactly its ports; ctx.inputs has the run's", async () => {
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "first", { run: (inputs, ctx) => [inputs, ctx.inputs] })
    .addNode("CodeNode", "second", { run: (inputs, ctx) => ({ inputs, run: ctx.inputs }) })
    .addConnection("first", "result", "second", "port");
  const inputs = { n: 5 };
  expect(await resultOf(graph, inputs)).toEqual({ inputs: { port: [inputs, inputs] }, run: inputs });
});

test("[graph.1] independent nodes run in parallel", async () => {
  const both = Promise.withResolvers<string>();
  let begun = 0;
  const meet = { run: () => (++begun === 2 ? both.resolve("met") : undefined, both.promise) };
  const graph = new WorkflowBuilder().addNode("CodeNode", "a", meet).addNode("CodeNode", "b", meet);
  expect(await resultOf(graph)).toEqual({ a: "met", b: "met" });
});

test("[graph.1] the result is that of the only node that feeds no other", async () => {
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "a", give(1))
    .addNode("CodeNode", "b", give(2))
    .addNode("CodeNode", "sum", { run: ({ x, y }) => x + y })
    .addConnection("a", "result", "sum", "x")
    .addConnection("b", "result", "sum", "y");
  expect(await resultOf(graph)).toBe(3);
});

test("[graph.1] with several such nodes the result is an object of all of them by name", async () => {
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "a", give(1))
    .addNode("CodeNode", "b", pass)
    .addNode("CodeNode", "c", give(null))
    .addConnection("a", "result", "b", "in");
  expect(await resultOf(graph)).toEqual({ b: { in: 1 }, c: null });
});

test("[graph.1] build() refuses cycles, and names what is on them", () => {
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "free", pass)
    .addNode("CodeNode", "a", pass)
    .addNode("CodeNode", "b", pass)
    .addConnection("free", "result", "a", "in")
    .addConnection("a", "result", "b", "in")
    .addConnection("b", "result", "a", "back");
  expect(faultsOf(graph)).toEqual(["a, b: these nodes wait for one another"]);
});

test("[graph.1] build() refuses unknown nodes, doubled nodes and two connections into one port, with every fault", () => {
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "a", pass)
    .addNode("CodeNode", "a", pass)
    .addNode("CodeNode", "b", pass)
    .addConnection("a", "result", "b", "in")
    .addConnection("a", "x", "b", "in")
    .addConnection("nobody", "result", "b", "other");
  expect(faultsOf(graph)).toEqual([
    expect.stringMatching(/^a: .*two nodes/),
    expect.stringMatching(/b\.in: another connection/),
    expect.stringMatching(/no node nobody/),
  ]);
});

test("[graph.1] the first node that fails fails the run, after those running have ended, and nothing else begins", async () => {
  await using scene = memoryScene();
  const app = await scene.start();
  const failed = Promise.withResolvers<void>();
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "bad", {
      run: () => {
        throw new Error("first");
      },
    })
    .addNode("CodeNode", "slow", { run: () => failed.promise })
    .addNode("CodeNode", "next", pass)
    .addConnection("slow", "result", "next", "in")
    .build();
  // A handler may hear of the failure before its own node does: that has some turns of the event loop.
  app.onEvent("step.failed", async () => {
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    failed.resolve();
  });
  const run = await app.startRun(app.register("graph", graph, { retry: { attempts: 1 } }));
  expect(await failure(run.result())).toBe("first");
  expect((await story(app, run.runId)).slice(-3)).toEqual(["step.failed bad@1", "step.completed slow@1", "workflow.failed"]);
});

test("[graph.1] after a crash nodes that had finished do not run again", async () => {
  await using scene = memoryScene();
  const begun = Promise.withResolvers<void>();
  const calls: string[] = [];
  let blocked = true;
  const graph = new WorkflowBuilder()
    .addNode("CodeNode", "a", { run: () => calls.push("a") })
    .addNode("CodeNode", "b", {
      run: () => {
        calls.push("b");
        begun.resolve();
        return blocked ? new Promise(() => {}) : "end";
      },
    })
    .addConnection("a", "result", "b", "in")
    .build();
  const before = await scene.start();
  const { runId } = await before.startRun(before.register("graph", graph));
  await begun.promise;
  blocked = false;
  const app = await scene.start();
  app.register("graph", graph);
  expect((await ended(app, runId)).data.result).toBe("end");
  expect(calls).toEqual(["a", "b", "b"]);
});

test("[graph.1] inputs of a graph are checked by its schema before there is a run", async () => {
  await using scene = memoryScene();
  const app = await scene.start();
  const graph = new WorkflowBuilder().addNode("CodeNode", "a", pass).build({ inputs: { file: "string" } });
  expect(await failure(app.execute(app.register("graph", graph), {}))).toBe("INPUT_INVALID");
});

test("[graph.1] a graph and a workflow share one space of names", async () => {
  await using scene = memoryScene();
  const app = await scene.start({ workflows: [defineWorkflow("w", () => 1)] });
  const graph = new WorkflowBuilder().addNode("CodeNode", "a", pass).build();
  expect(() => app.register("w", graph, {})).toThrow(expect.objectContaining({ code: "WORKFLOW_EXISTS" }));
});
