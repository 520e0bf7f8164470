// Everything a user may export must be nameable in emitted declarations (TS4023): tsc -p tsconfig.declarations.json

import { defineEvent, defineWorkflow, jsonSchema, Nexus, WorkflowBuilder } from "nexus-event-system";
import { createClient } from "nexus-event-system/client";
import { testApp } from "nexus-event-system/testing";
import * as v from "valibot";
import { z } from "zod";
export const A = defineEvent("a", { schema: { n: "integer", note: "string?" } });
export const B = defineEvent("b");
export const C = defineEvent("c", { schema: v.object({ n: v.number() }) });
export const D = defineEvent("d", { schema: jsonSchema({}) });
export const w = defineWorkflow("w", { inputs: { file: "string" }, result: z.object({ n: z.number() }) }, async () => ({ n: 1 }));
export const x = defineWorkflow("x", () => 1);
export const app = new Nexus({ events: [A, B, C, D], workflows: [w, x] });
export const client = createClient<typeof app>({ url: "" });
export const off = app.onWorkflowCompleted({ workflow: w }, () => {});
export const onDone = app.onWorkflowCompleted;
export const graph = app.register("g", new WorkflowBuilder().build());
export const consumer = app.consumer("c", { type: "a" }, () => {});
export const page = app.getEvents({ type: "*" });
export const sub = app.subscribe({ type: "workflow.*" });
export const run = app.startRun(w, { file: "" });
export const t = testApp((setup) => new Nexus({ ...setup, events: [A] }));
export const api = {
  emit: app.emitEvent,
  execute: app.execute,
  subscribe: app.subscribe,
  waitForEvent: app.waitForEvent,
  addConsumer: app.consumer,
  onEvent: app.onEvent,
};
