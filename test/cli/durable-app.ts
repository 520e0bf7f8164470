// Served by `nexus start` in a process of its own, which is killed; its file is named by NEXUS_DB.
import { defineWorkflow, Nexus } from "../../src/index.ts";

const long = defineWorkflow("long", async (_inputs, ctx) => {
  await ctx.step("first", () => 1);
  const go = await ctx.waitForEvent("go");
  return { went: go !== undefined };
});

const reject = defineWorkflow("reject", () => {
  void Promise.reject(new Error("nobody handles this"));
  return "rejected";
});

const thrower = defineWorkflow("throw", async () => {
  setTimeout(() => {
    throw new Error("nobody catches this");
  });
  return "thrown";
});

export default new Nexus({ name: "durable", workflows: [long, reject, thrower] });
