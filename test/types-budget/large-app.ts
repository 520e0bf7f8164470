const EVENTS = 300;
const WORKFLOWS = 100;

/** An app as large teams have it: its definitions, used by value and by name. */
export function largeApp(): string {
  const [events, workflows] = [count(EVENTS), count(WORKFLOWS)];
  return `
import { defineEvent, defineWorkflow, jsonSchema, Nexus } from "nexus-event-system";
import { createClient } from "nexus-event-system/client";
import { z } from "zod";
${events.map((n) => `export const e${n} = defineEvent("area${n % 10}.e${n}", { schema: ${schemaOf(n)} });`).join("\n")}
${workflows
  .map(
    (
      n,
    ) => `export const w${n} = defineWorkflow("w${n}", { inputs: z.object({ file: z.string(), limit: z.int().default(${n}) }) }, async (inputs, ctx) => {
  const rows = await ctx.step("load", () => [{ id: 1, name: inputs.file }]);
  await ctx.emitEvent(e${n}, ${dataOf(n)});
  return { rows: rows.length, n: ${n} as const };
});`,
  )
  .join("\n")}
export const app = new Nexus({ events: [${events.map((n) => `e${n}`).join(", ")}], workflows: [${workflows.map((n) => `w${n}`).join(", ")}] });
${events.map((n) => `void app.emitEvent(${n % 2 === 0 ? `e${n}` : `"area${n % 10}.e${n}"`}, ${dataOf(n)});`).join("\n")}
${events
  .filter((n) => n % 5 === 0)
  .map((n) => `app.onEvent("area${n % 10}.e${n}", (event) => event.data.n.toFixed());`)
  .join("\n")}
${workflows.map((n) => `void app.execute(${n % 2 === 0 ? `w${n}` : `"w${n}"`}, { file: "a" }).then(({ n }) => n satisfies ${n});`).join("\n")}
${workflows
  .filter((n) => n % 5 === 0)
  .map((n) => `app.onWorkflowCompleted({ workflow: "w${n}" }, (event) => event.result.n satisfies ${n});`)
  .join("\n")}
app.onEvent("area1.*", (event) => { if (event.type === "area1.e1") event.data.n.toFixed(); });
app.onEvent("*", (event) => { if (event.type === "workflow.failed") event.error.message.at(0); });
for await (const event of app.subscribe()) if (event.type === "area2.e2") event.data.n.toFixed();
const { events } = await app.getEvents({ type: "area3.*" });
for (const event of events) if (event.type === "area3.e3") event.data.n.toFixed();
const client = createClient<typeof app>({ url: "http://127.0.0.1:8000" });
void client.execute("w99", { file: "a" }).then(({ n }) => n satisfies 99);
void client.emitEvent("area9.e299", ${dataOf(299)});
`;
}

/** What must not compile in that app, one mistake a line. */
export function mistakes(): readonly string[] {
  return [
    `app.emitEvent(e0, { n: "1" });`,
    `app.emitEvent("area9.e299", {});`,
    `app.emitEvent("area1.e1", { n: "1" });`,
    `app.execute("w100", { file: "a" });`,
    `app.execute("w99", { file: 1 });`,
    `app.execute(w50);`,
    `app.onWorkflowCompleted({ workflow: "w3" }, (event) => event.result.nothing);`,
    `app.onEvent("area1.e1", (event) => event.data.nothing);`,
    `app.registerEventType("step.mine", { schema: { n: "integer" } });`,
  ];
}

function schemaOf(n: number): string {
  if (n % 3 === 0) return `{ n: "integer", label: "string", tags: "array?" }`;
  if (n % 3 === 1)
    return `z.object({ n: z.int(), label: z.string(), at: z.iso.datetime().optional(), kind: z.enum(["a", "b"]).default("a") })`;
  return `jsonSchema<{ n: number; label: string }>({ type: "object" })`;
}

function dataOf(n: number): string {
  return `{ n: ${n}, label: "x" }`;
}

function count(most: number): number[] {
  return Array.from({ length: most }, (_, n) => n);
}
