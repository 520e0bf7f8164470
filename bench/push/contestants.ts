import { Child } from "../child.ts";
import type { Contestant, Sample, Settings } from "../part.ts";
import { fileIn } from "../round-file.ts";
import type { HandshakeName } from "./handshakes.ts";

interface Server {
  readonly name: string;
  readonly keeps: Contestant["keeps"];
  readonly module: URL;
  readonly handshake: HandshakeName;
}

/** What a server of a peer is started with. */
export interface PeerJob {
  readonly file: string;
  readonly keeps: Contestant["keeps"];
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
export const SOCKET_IO_KEPT: Server = { ...SOCKET_IO, name: "socket.io after a commit by hand", keeps: "fsync" };
export const BETTER_SSE_KEPT: Server = { ...BETTER_SSE, name: "better-sse after a commit by hand", keeps: "fsync" };

export function contestant({ name, keeps, module, handshake }: Server, readers: number, timed: boolean, measure: Measurement): Contestant {
  return {
    name,
    keeps,
    round: async (settings) => {
      await using file = await fileIn(settings.folder);
      await using server = new Child(module, { file: file.path, keeps } satisfies PeerJob);
      const { port } = await server.next("listening");
      await using clients = new Child(new URL("./clients.ts", import.meta.url), { port, readers, handshake, timed });
      await clients.next("ready");
      return await measure(server, clients, settings);
    },
  };
}
