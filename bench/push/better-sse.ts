import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createChannel, createSession } from "better-sse";
import { benchMessage, TYPE } from "../event.ts";
import { job } from "../parent.ts";
import { Table } from "../sqlite.ts";
import type { PeerJob } from "./contestants.ts";
import { publisher } from "./publisher.ts";

/** As its documentation has it: one channel, every session registered with it. It keeps nothing; when it is to, a row is committed first. */
const { file, keeps } = job<PeerJob>();
const table = keeps === "fsync" ? new Table(file) : undefined;
const channel = createChannel();
const server = createServer((request, response) => {
  createSession(request, response)
    .then((session) => {
      channel.register(session);
      session.push({}, "registered");
    })
    .catch((error: unknown) => response.destroy(error as Error));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
publisher(
  (data) => {
    const message = benchMessage(data);
    table?.commit(1, () => message);
    channel.broadcast(message, TYPE);
  },
  (server.address() as AddressInfo).port,
);
