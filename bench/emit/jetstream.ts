import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { job } from "../parent.ts";
import type { EmitJob } from "./part.ts";
import { peerLoad } from "./peer.ts";

/** A stream as it comes, and a publish that waits for its acknowledgement. */
const { ms, port } = job<EmitJob>();
const nats = await connect({ servers: `127.0.0.1:${port}` });
const manager = await jetstreamManager(nats);
await manager.streams.add({ name: "events", subjects: ["events"], storage: "file" });
const stream = jetstream(nats);
await peerLoad(
  ms,
  (message) => stream.publish("events", message),
  async () => (await manager.streams.info("events")).state.messages,
);
