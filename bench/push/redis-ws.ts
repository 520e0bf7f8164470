import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import { type WebSocket, WebSocketServer } from "ws";
import { benchMessage, TYPE } from "../event.ts";
import { job } from "../parent.ts";
import type { PeerJob } from "./contestants.ts";
import { READY } from "./handshakes.ts";
import { publisher } from "./publisher.ts";

/** What one writes without Nexus: an event is published to Redis under its type, and whoever is connected for that type is sent it. Nothing keeps it. */
const { port } = job<PeerJob>();
const [publishing, subscribed] = [new Redis({ port, host: "127.0.0.1" }), new Redis({ port, host: "127.0.0.1" })];
const readers = new Map<string, Set<WebSocket>>();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("connection", (socket, { url = "/" }) => {
  const topic = url.slice(1);
  const those = readers.get(topic) ?? new Set();
  readers.set(topic, those.add(socket));
  socket.on("close", () => those.delete(socket));
  socket.send(READY);
});
subscribed.on("message", (topic: string, message: string) => {
  for (const socket of readers.get(topic) ?? []) socket.send(message);
});
await Promise.all([once(server, "listening"), subscribed.subscribe(TYPE)]);
publisher((data) => publishing.publish(TYPE, JSON.stringify(benchMessage(data))), (server.address() as AddressInfo).port);
