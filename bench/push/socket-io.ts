import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { benchMessage, TYPE } from "../event.ts";
import { job } from "../parent.ts";
import { Table } from "../sqlite.ts";
import type { PeerJob } from "./contestants.ts";
import { publisher } from "./publisher.ts";

/** As its documentation has it, WebSockets only, without compression. It keeps nothing; when it is to, a row is committed first. */
const { file, keeps } = job<PeerJob>();
const table = keeps === "fsync" ? new Table(file) : undefined;
const server = createServer();
const io = new Server(server, { transports: ["websocket"], perMessageDeflate: false });
server.listen(0, "127.0.0.1");
await once(server, "listening");
publisher(
  (data) => {
    const message = benchMessage(data);
    table?.commit(1, () => message);
    io.emit(TYPE, message);
  },
  (server.address() as AddressInfo).port,
);
