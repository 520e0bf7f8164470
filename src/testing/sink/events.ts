import type { NexusEvent } from "../../events/event.ts";
import { Nexus } from "../../nexus.ts";
import { memoryStore } from "../../stores/memory/store.ts";
import { defineWorkflow } from "../../workflows/workflow.ts";

/** What a sink is to carry without harm, in the inputs of a run. */
const INPUTS = [
  { file: "a.csv" },
  { lines: "one\r\nBcc: eve@example.com\r\n\r\n.\r\ntwo", quotes: `'"\`; DROP TABLE runs; --`, tags: "<!channel> & <b>" },
  { controls: "\u0000\u001b[31m\u007f\u0085\u2028", text: "Zoë 😀 \u{1fffe}", deep: [[[{ a: null }]]], large: "x".repeat(100_000) },
];

/** `workflow.started` of as many runs as there are inputs, as an app has recorded them. */
export async function someRuns(): Promise<readonly NexusEvent[]> {
  const names = INPUTS.map((_, n) => `import-${n + 1}`);
  await using app = new Nexus({ store: memoryStore(), workflows: names.map((name) => defineWorkflow(name, () => "done")) });
  for (const [n, inputs] of INPUTS.entries()) await app.execute(names[n] as string, inputs, { userId: "ann", sessionId: "s-1" });
  return (await app.getEvents({ type: "workflow.started" })).events as readonly NexusEvent[];
}
