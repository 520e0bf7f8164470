import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { peerMessage } from "../emit/attributes.ts";
import { job, tell } from "../parent.ts";

const IN_FLIGHT = 4096;

const { port, messages } = job<{ readonly port: number; readonly messages: number }>();
const nats = await connect({ servers: `127.0.0.1:${port}` });
const manager = await jetstreamManager(nats);
await manager.streams.add({ name: "events", subjects: ["events"], storage: "file" });
const stream = jetstream(nats);
let next = 0;
const writer = async (): Promise<void> => {
  while (next++ < messages) await stream.publish("events", JSON.stringify(peerMessage(next)), { timeout: 30_000 });
};
await Promise.all(Array.from({ length: IN_FLIGHT }, writer));
await nats.drain();
tell({ kind: "written" });
