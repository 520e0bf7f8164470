import { Child } from "../child.ts";
import type { Contestant, Sample, Settings } from "../part.ts";
import { fileIn } from "../round-file.ts";
import { redisIn } from "../services/redis.ts";
import type { Running } from "../services/service.ts";
import type { ClientsJob } from "./clients.ts";
import type { HandshakeName } from "./handshakes.ts";

export interface Server {
  readonly name: string;
  readonly keeps: Contestant["keeps"];
  readonly module: URL;
  readonly handshake: HandshakeName;
  readonly service?: (folder: string) => Promise<Running>;
}

/** What a server of a peer is started with. */
export interface PeerJob {
  readonly file: string;
  readonly keeps: Contestant["keeps"];
  /** Of the server that it needs. */
  readonly port: number;
}

/** A server, a process of clients, and what is measured between them. */
type Measurement = (server: Child, clients: Child, settings: Settings) => Promise<Sample>;

const NEXUS = new URL("./nexus.ts", import.meta.url);

export const NEXUS_SOCKET: Server = { name: "Nexus WebSocket", keeps: "fsync", module: NEXUS, handshake: "nexusSocket" };
export const NEXUS_SSE: Server = { name: "Nexus SSE", keeps: "fsync", module: NEXUS, handshake: "nexusSse" };
export const SOCKET_IO: Server = {
  name: "socket.io",
  keeps: "memory",
  module: new URL("./socket-io.ts", import.meta.url),
  handshake: "socketIo",
};
export const BETTER_SSE: Server = {
  name: "better-sse",
  keeps: "memory",
  module: new URL("./better-sse.ts", import.meta.url),
  handshake: "betterSse",
};
export const RAW_SOCKETS: Server = {
  name: "sockets by hand, a write a batch",
  keeps: "memory",
  module: new URL("./raw-sockets.ts", import.meta.url),
  handshake: "byHand",
};
export const REDIS_AND_WS: Server = {
  name: "Redis pub/sub and ws by hand",
  keeps: "memory",
  module: new URL("./redis-ws.ts", import.meta.url),
  handshake: "byHand",
  service: (folder) => redisIn(folder, "memory"),
};
export const SOCKET_IO_KEPT: Server = { ...SOCKET_IO, name: "socket.io after a commit by hand", keeps: "fsync" };
export const BETTER_SSE_KEPT: Server = { ...BETTER_SSE, name: "better-sse after a commit by hand", keeps: "fsync" };

export function contestant(server: Server, clients: Omit<ClientsJob, "port" | "handshake">, measure: Measurement): Contestant {
  return {
    name: server.name,
    keeps: server.keeps,
    round: async (settings) => {
      await using running = await started(server, settings);
      await using readers = new Child(CLIENTS, { ...clients, port: running.port, handshake: server.handshake } satisfies ClientsJob);
      await readers.next("ready", CONNECT_MS);
      return await measure(running.child, readers, settings);
    },
  };
}

export const CLIENTS: URL = new URL("./clients.ts", import.meta.url);
/** Ten thousand readers take a while to connect. */
export const CONNECT_MS = 120_000;

/** A server of its own for a round, with the service it needs. */
export async function started(
  { module, keeps, service }: Server,
  { folder }: Settings,
): Promise<{ readonly child: Child; readonly port: number } & AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const file = opening.use(await fileIn(folder));
  const needed = service && opening.use(await service(folder));
  const child = opening.use(new Child(module, { file: file.path, keeps, port: needed?.port ?? 0 } satisfies PeerJob));
  const { port } = await child.next("listening");
  const all = opening.move();
  return { child, port: Number(port), [Symbol.asyncDispose]: () => all.disposeAsync() };
}
