import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { TYPE } from "../event.ts";
import { job, micros, tell } from "../parent.ts";

/** All agents of a round: each waits with the SDK's client, tells how long the event took, and waits again from the cursor it got. */
const { port, agents } = job<{ readonly port: number; readonly agents: number }>();
let waiting = 0;

/** They are counted when their call is out; that it has arrived is a matter of the time until the next event. */
const SETTLE_MS = 60;

async function agent(): Promise<never> {
  const client = new Client({ name: "bench", version: "1" }, { versionNegotiation: { mode: { pin: "2026-07-28" } } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`)));
  let seen = 0;
  // Not from the end: on a busy machine an event may be there before the first call is.
  for (let cursor = "earliest"; ; ) {
    const args = { cursor, filter: { type: TYPE }, stopOn: [TYPE] };
    const call = client.callTool({ name: "nexus_wait_for_events", arguments: args });
    if (++waiting % agents === 0) setTimeout(() => tell({ kind: "waiting" }), SETTLE_MS);
    const { structuredContent } = await call;
    const at = micros();
    const answer = structuredContent as {
      readonly events: readonly { readonly data: { n: number; t: number } }[];
      readonly cursor: string;
    };
    for (const { data } of answer.events) {
      if (data.n !== ++seen) throw new Error(`event ${data.n} came where ${seen} was due`);
      tell({ kind: "received", micros: at - data.t });
    }
    cursor = answer.cursor;
  }
}

for (let i = 0; i < agents; i++)
  agent().catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
