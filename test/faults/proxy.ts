import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** What becomes of one connection. Bytes are counted from the server to the client. */
export type Fate =
  | { readonly kind: "passes" }
  /** Both ends are gone at once. */
  | { readonly kind: "is cut"; readonly afterBytes: number }
  /** Only the client is told that it is over; what it still sends arrives. A while later the server is told. */
  | { readonly kind: "is halved"; readonly afterBytes: number; readonly forMs: number }
  /** Nothing goes either way any more, and nobody is told. A while later it is cut. */
  | { readonly kind: "is held up"; readonly afterBytes: number; readonly forMs: number }
  /** Everything comes late, in small pieces, until it is cut. */
  | { readonly kind: "is slow"; readonly afterBytes: number; readonly pieceBytes: number; readonly delayMs: number };

export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** How many connections did not just pass. */
  readonly cuts: number;
}

/** Passes connections on to wherever the server is at that time; to nobody's while it is down. @param fate of the next connection. */
export async function faultyProxy(port: () => number | undefined, fate: () => Fate = () => ({ kind: "passes" })): Promise<Proxy> {
  const open = new Set<Socket>();
  let cuts = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    open.add(client.setNoDelay(true));
    const target = port();
    if (target === undefined) return leave(client);
    const behind = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true }).setNoDelay(true);
    open.add(behind);
    for (const socket of [client, behind])
      socket
        .on("error", () => {})
        .on("close", () => {
          leave(client);
          leave(behind);
        });
    join(client, behind, fate());
  });
  const leave = (socket: Socket): void => {
    open.delete(socket);
    socket.destroy();
  };

  const join = (client: Socket, behind: Socket, what: Fate): void => {
    client.pipe(behind);
    if (what.kind === "passes") return void behind.pipe(client);
    if (what.kind === "is slow") {
      cuts++;
      return void trickle(behind, client, what).catch(() => {}); // Whoever was cut is gone.
    }
    let left = what.afterBytes;
    behind.on("end", () => client.end());
    behind.on("data", (chunk: Buffer) => {
      if (left < 0) return;
      const passes = chunk.subarray(0, left);
      left -= chunk.length;
      if (left > 0) return void (client.write(passes) || (behind.pause(), client.once("drain", () => behind.resume())));
      left = -1;
      cuts++;
      const over = (): void => {
        leave(client);
        leave(behind);
      };
      if (what.kind === "is cut") {
        client.write(passes, over);
        return;
      }
      if (what.kind === "is halved") client.end(passes);
      else {
        client.write(passes);
        client.unpipe(behind);
        client.pause();
      }
      setTimeout(over, what.forMs).unref();
    });
  };

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as { readonly port: number }).port}`,
    get cuts() {
      return cuts;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Passes on piece by piece, with a pause before each; the sender is held back meanwhile. */
async function trickle(from: Socket, to: Socket, { pieceBytes, delayMs, afterBytes }: Fate & { readonly kind: "is slow" }): Promise<void> {
  let left = afterBytes;
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length && left > 0; at += pieceBytes) {
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        to.write(chunk.subarray(at, Math.min(at + pieceBytes, at + left)));
        left -= pieceBytes;
      }
      if (left <= 0) break;
    }
  } finally {
    to.destroy();
    from.destroy();
  }
}
