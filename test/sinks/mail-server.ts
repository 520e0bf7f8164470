import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

/** An answer of SMTP other than "taken". */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** A real SMTP server on loopback, which keeps what it is sent. */
export interface MailServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly received: { readonly mail: ParsedMail; readonly raw: string; readonly to: readonly string[] }[];
  /** What it says to a mail from now on; `"nothing"` leaves the client waiting. */
  answer: (to: string) => Refusal | "taken" | "nothing";
  readonly connections: number;
  /** Resolves when nobody is connected any more. */
  forsaken(): Promise<void>;
  away(): Promise<void>;
  back(): Promise<void>;
}

/** @param password if given, who has another is refused; the refusal repeats it. */
export async function mailServer(password?: string): Promise<MailServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let wake = (): void => {};
  const keep = async (stream: AsyncIterable<Buffer>, to: readonly string[], done: (error?: Error) => void): Promise<void> => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      const raw = Buffer.concat(chunks).toString();
      self.received.push({ raw, mail: await simpleParser(raw), to });
      done();
    } catch (error) {
      done(error as Error);
    }
  };
  const options: SMTPServerOptions = {
    disabledCommands: ["STARTTLS", ...(password === undefined ? ["AUTH"] : [])],
    allowInsecureAuth: true,
    authOptional: password === undefined,
    onAuth: (auth, _session, done) =>
      auth.password === password ? done(null, { user: auth.username }) : done(failure({ status: 535, text: `not with ${auth.password}` })),
    onRcptTo: ({ address }, _session, done) => {
      const answer = self.answer(address);
      if (answer !== "nothing") done(answer === "taken" ? null : failure(answer));
    },
    onData: (stream, session, done) => {
      void keep(
        stream,
        session.envelope.rcptTo.map(({ address }) => address),
        done,
      );
    },
  };
  const listen = async (port: number): Promise<SMTPServer> => {
    const server = new SMTPServer(options);
    server.on("error", () => {}); // A client that goes away in between.
    const inner = (server as unknown as { readonly server: Server }).server;
    inner.on("connection", (socket: Socket) => {
      connections++;
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        wake();
      });
    });
    inner.listen(port, "127.0.0.1");
    await once(inner, "listening");
    return server;
  };
  let server: SMTPServer | undefined = await listen(0);
  const { port } = (server as unknown as { readonly server: Server }).server.address() as AddressInfo;
  const self: MailServer = {
    url: `smtp://127.0.0.1:${port}`,
    port,
    received: [],
    answer: () => "taken",
    get connections() {
      return connections;
    },
    forsaken: async () => {
      while (sockets.size > 0) await new Promise<void>((resolve) => (wake = resolve));
    },
    away: async () => {
      const left = server;
      server = undefined;
      const closed = left && new Promise<void>((resolve) => left.close(resolve));
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

function failure({ status, text }: Refusal): Error {
  return Object.assign(new Error(text), { responseCode: status });
}
