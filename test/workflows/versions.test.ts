import { defineWorkflow } from "nexus-event-system";
import { expect, test } from "vitest";
import { ended, eventsOf, memoryScene, type Scene } from "./scene.ts";

const never = (): Promise<void> => new Promise(() => {});
const done = (): string => "done";

/** Starts a run with the given code, and has its process die. */
async function leftBehind(scene: Scene, version: string | undefined): Promise<string> {
  const workflow = defineWorkflow("w", { ...(version !== undefined && { version }) }, never);
  const { runId } = await (await scene.start({ workflows: [workflow] })).startRun(workflow);
  return runId;
}

test("[run.12] the version is recorded in workflow.started", async () => {
  await using scene = memoryScene();
  const workflow = defineWorkflow("w", { version: "2.1" }, done);
  const app = await scene.start({ workflows: [workflow] });
  const run = await app.startRun(workflow);
  expect((await eventsOf(app, run.runId))[0]?.data).toEqual({ inputs: {}, version: "2.1" });
});

test("[run.12] a run of another version waits, and says why, in the run and in the list", async () => {
  await using scene = memoryScene();
  const runId = await leftBehind(scene, "1");
  const app = await scene.start({ workflows: [defineWorkflow("w", { version: "2" }, done)] });
  expect(await app.runs.get(runId)).toMatchObject({ status: "waiting", reason: expect.stringMatching(/version 1 .*version 2/) });
  expect((await app.runs.list({ status: "waiting" })).runs.map((run) => run.runId)).toEqual([runId]);
});

test("[run.12] a run whose workflow is not registered waits, and says why", async () => {
  await using scene = memoryScene();
  const runId = await leftBehind(scene, undefined);
  const app = await scene.start();
  expect(await app.runs.get(runId)).toMatchObject({ status: "waiting", reason: expect.stringContaining("no workflow w") });
});

test("[run.12] a waiting run is taken up when its workflow is registered", async () => {
  await using scene = memoryScene();
  const runId = await leftBehind(scene, "1");
  const app = await scene.start();
  app.register(defineWorkflow("w", { version: "1" }, done));
  expect((await ended(app, runId)).data.result).toBe("done");
});

test("[run.12] a waiting run goes on in a later process that has its version", async () => {
  await using scene = memoryScene();
  const runId = await leftBehind(scene, "1");
  await scene.start({ workflows: [defineWorkflow("w", { version: "2" }, done)] });
  const app = await scene.start({ workflows: [defineWorkflow("w", { version: "1" }, done)] });
  expect((await ended(app, runId)).data.result).toBe("done");
});

test("[run.12] a waiting run can be cancelled", async () => {
  await using scene = memoryScene();
  const runId = await leftBehind(scene, "1");
  const app = await scene.start({ workflows: [defineWorkflow("w", { version: "2" }, done)] });
  expect((await app.runs.cancel(runId, "old")).status).toBe("cancelled");
});

test("[run.12] without versions the current code takes a run up", async () => {
  await using scene = memoryScene();
  const runId = await leftBehind(scene, undefined);
  const app = await scene.start({ workflows: [defineWorkflow("w", done)] });
  expect((await ended(app, runId)).data.result).toBe("done");
});

test("[run.12] when a workflow is unregistered, runs under way finish and queued ones wait for its return", async () => {
  await using scene = memoryScene();
  const gate = Promise.withResolvers<void>();
  const old = defineWorkflow("w", { concurrency: 1 }, () => gate.promise);
  const app = await scene.start({ workflows: [old] });
  const first = await app.startRun(old);
  const second = await app.startRun(old);
  app.unregister(old);
  gate.resolve();
  await first.result();
  expect((await app.runs.get(second.runId)).reason).toContain("no workflow w");
  app.register(defineWorkflow("w", done));
  expect(await second.result()).toBe("done");
});
