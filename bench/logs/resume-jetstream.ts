import { DeliverPolicy, jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { job } from "../parent.ts";
import { resuming } from "./resuming.ts";

/** As many messages on the way as are worth it: with the 100 that it has by default it is slower. */
const ON_THE_WAY = 10_000;

const { port, ms, most } = job<{ readonly port: number; readonly ms: number; readonly most: number }>();
const nats = await connect({ servers: `127.0.0.1:${port}` });
const stream = jetstream(nats);

await resuming(ms, most, async function* () {
  const consumer = await stream.consumers.get("events", { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: 1 });
  const messages = await consumer.consume({ max_messages: ON_THE_WAY });
  for await (const message of messages) {
    message.json();
    yield message.seq;
  }
});
