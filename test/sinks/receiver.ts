import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export type Answer = (
  got: Received,
) => { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string } | "nothing";

/** A real HTTP server on loopback, which keeps what it is sent. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** What it answers from now on; `"nothing"` leaves the request hanging. */
  answer: Answer;
  /** How often somebody connected. */
  readonly connections: number;
  /** Resolves when nobody is connected any more. */
  forsaken(): Promise<void>;
  /** From now on connections are refused. */
  away(): Promise<void>;
  /** Listens again, where it did. */
  back(): Promise<void>;
}

export async function receiver(tls?: { readonly key: string; readonly cert: string }): Promise<Receiver> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let wake = (): void => {};
  const listener: RequestListener = (request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const got = { path: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString() };
      const answer = self.answer(got);
      if (answer === "nothing") return;
      if (answer.status >= 200 && answer.status < 300) self.received.push(got);
      response.writeHead(answer.status, answer.headers).end(answer.body ?? "");
    })().catch(() => {}); // The sender went away.
  };
  const make = (): Server => (tls === undefined ? createServer(listener) : (createTlsServer(tls, listener) as Server));
  const listen = async (port: number): Promise<Server> => {
    const server = make();
    // It never hangs up by itself: who has let go of it has done so.
    server.keepAliveTimeout = 0;
    server.on("connection", (socket: Socket) => {
      connections++;
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        wake();
      });
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return server;
  };
  let server: Server | undefined = await listen(0);
  const { port } = server.address() as AddressInfo;
  const self: Receiver = {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}/hook`,
    port,
    received: [],
    answer: () => ({ status: 204 }),
    get connections() {
      return connections;
    },
    forsaken: async () => {
      while (sockets.size > 0) await new Promise<void>((resolve) => (wake = resolve));
    },
    away: async () => {
      const closed = server === undefined ? undefined : once(server, "close");
      server?.close();
      server = undefined;
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    back: async () => {
      server = await listen(port);
    },
    [Symbol.asyncDispose]: async () => self.away(),
  };
  return self;
}
