import { defineWorkflow, EventRouter, NexusError, type WorkflowCompleted } from "nexus-event-system";
import { expect, onTestFinished, test, vi } from "vitest";
import { memoryScene } from "../workflows/scene.ts";

test("[handler.5] a routed event reaches every handler of its name, in the order they were registered", async () => {
  const router = new EventRouter();
  const got: string[] = [];
  router.register("a", (event) => got.push(`first ${event.n}`));
  router.register("a", (event) => got.push(`second ${event.n}`));
  router.register("b", () => got.push("another name's"));
  await router.route("a", { n: 1 });
  expect(got).toEqual(["first 1", "second 1"]);
});

test("[handler.5] route resolves when all its handlers have ended", async () => {
  const router = new EventRouter();
  const done: string[] = [];
  const slow = Promise.withResolvers<void>();
  router.register("a", async () => {
    await slow.promise;
    done.push("slow");
  });
  router.register("a", () => {
    done.push("quick");
    slow.resolve();
  });
  await router.route("a", {});
  expect(done).toEqual(["quick", "slow"]);
});

test("[handler.5] a handler that throws or rejects goes to onError, and stops no other", async () => {
  const heard: unknown[] = [];
  const router = new EventRouter({ onError: (error, event) => heard.push([(error as Error).message, event]) });
  const got: unknown[] = [];
  router.register("a", () => {
    throw new Error("thrown");
  });
  router.register("a", () => Promise.reject(new Error("rejected")));
  router.register("a", (event) => got.push(event));
  await router.route("a", 7);
  expect(got).toEqual([7]);
  expect(heard).toEqual([
    ["thrown", 7],
    ["rejected", 7],
  ]);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("onError itself");
    },
  ],
  ["rejects", () => Promise.reject(new Error("onError itself"))],
])("[handler.5] an onError that %s stops nobody either, and both errors are told on standard error", async (_how, onError) => {
  const told = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => told.mockRestore());
  const router = new EventRouter({ onError: onError as () => void });
  const got: unknown[] = [];
  router.register("a", () => Promise.reject(new Error("the handler's")));
  router.register("a", (event) => got.push(event));
  await router.route("a", 1);
  expect(got).toEqual([1]);
  expect(told.mock.calls.join()).toMatch(/the handler's[^]*onError itself/);
});

test("[handler.5] without onError a failure is told on standard error", async () => {
  const told = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => told.mockRestore());
  const router = new EventRouter();
  router.register("a", () => Promise.reject(new Error("unheard")));
  await router.route("a", 1);
  expect(told.mock.calls.join()).toContain("unheard");
});

test("[handler.5] register gives a function that removes that registration, and no other", async () => {
  const router = new EventRouter();
  const got: string[] = [];
  const handler = (): number => got.push("called");
  const off = router.register("a", handler);
  router.register("a", handler);
  off();
  off();
  await router.route("a", {});
  expect(got).toEqual(["called"]);
});

test("[handler.5] what is no name and what is no function is refused in words", async () => {
  const router = new EventRouter();
  const code = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (error) {
      return NexusError.is(error, "OPTION_INVALID") ? error.details.option : error;
    }
  };
  expect(code(() => router.register("", () => {}))).toBe("type");
  expect(code(() => router.register("a", "b" as never))).toBe("handler");
  expect(code(() => new EventRouter({ onError: 1 as never }))).toBe("onError");
  await expect(router.route(1 as never, {})).rejects.toMatchObject({ code: "OPTION_INVALID" });
});

test("[handler.5] a router takes what a handler of an app gives it", async () => {
  await using place = memoryScene();
  const app = await place.start();
  app.register(defineWorkflow("sum", () => 3));
  const router = new EventRouter();
  const got: unknown[] = [];
  router.register("workflow_completed", (event: WorkflowCompleted) => got.push(event.result));
  app.onWorkflowCompleted((event) => router.route("workflow_completed", event));
  await app.execute("sum");
  await app.settled();
  expect(got).toEqual([3]);
});
