import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { benchMessage } from "../event.ts";
import { READY } from "./handshakes.ts";
import { publisher } from "./publisher.ts";
import { serverFrame, switching } from "./upgrade.ts";

/**
 * The limit of one process: each event's frame is made once, all that are due in one turn are one buffer, and each socket gets one write for it.
 *
 * There is no filter, no cursor, no bound on what a socket has not taken, and nothing is kept.
 */
const sockets = new Set<Duplex>();
const server = createServer();
server.on("upgrade", (request, socket) => {
  socket.write(switching(request.headers["sec-websocket-key"] ?? ""));
  socket.write(serverFrame(READY));
  socket.on("data", () => {}); // Its close is seen only by who reads.
  socket.on("close", () => sockets.delete(socket));
  socket.on("error", () => socket.destroy());
  sockets.add(socket);
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

let due: Buffer[] = [];
function flush(): void {
  const batch = Buffer.concat(due);
  due = [];
  for (const socket of sockets) socket.write(batch);
}

publisher(
  (data) => {
    if (due.push(serverFrame(JSON.stringify(benchMessage(data)))) === 1) setImmediate(flush);
  },
  (server.address() as AddressInfo).port,
);
