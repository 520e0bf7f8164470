import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { App } from "../../app.ts";
import { NexusError } from "../../errors.ts";
import type { Context } from "../../events/context.ts";
import type { Caller } from "../../events/principal.ts";
import { loggedProblem, type Refusals } from "../../operations/logged-problem.ts";
import { BODY_BYTES } from "./body.ts";
import { problemHeaders } from "./problem.ts";
import { Socket } from "./socket.ts";
import type { OpenStream } from "./sse.ts";

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const SUBPROTOCOL = "nexus.v1";
/** How long whoever is refused has to take the answer. */
const LEAVING_MS = 2_000;

/** Who opens a WebSocket. */
export interface Admitted {
  /** What surrounds the caller's calls; `undefined` as long as it has not said who it is. */
  readonly context: Context | undefined;
  /** The same of whoever shows a credential over the connection. @throws UNAUTHENTICATED */
  readonly later: (credential: string) => Promise<Context>;
}

export interface UpgradeParts {
  readonly app: App;
  /** @throws HOST_REFUSED · ORIGIN_REFUSED · UNAUTHENTICATED */
  readonly admit: (request: IncomingMessage) => Promise<Admitted>;
  /** @param caller who opened it, where that is known. @throws OVERLOADED · SERVER_STOPPING */
  readonly opened: (stream: OpenStream, caller: Caller | undefined) => () => void;
  /** For one that was opened before that was known: it is this caller's. @returns what to call when it is over. @throws OVERLOADED */
  readonly counted: (caller: Caller | undefined) => () => void;
}

/** Makes WebSockets of the requests for `<basePath>/events/ws`. @returns whether the request is one of those. */
export function socketUpgrade({
  app,
  admit,
  opened,
  counted,
}: UpgradeParts): (request: IncomingMessage, socket: Duplex, head: Buffer, basePath: string) => boolean {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: BODY_BYTES,
    handleProtocols: () => SUBPROTOCOL,
  });
  return (request, socket, head, basePath) => {
    const [path] = (request.url ?? "").split("?");
    if (path !== `${basePath}/events/ws`) return false;
    socket.on("error", (error) => app.logger.debug({ error }, "a connection failed while it was upgraded"));
    upgrade(request).catch((error: unknown) => refuse(socket, error, app));

    async function upgrade(from: IncomingMessage): Promise<void> {
      const { context, later } = await admit(from);
      const offered = (from.headers["sec-websocket-protocol"] ?? "").split(",").map((protocol) => protocol.trim());
      if (!offered.includes(SUBPROTOCOL)) throw new NexusError("UPGRADE_REQUIRED", { subprotocol: SUBPROTOCOL });
      const session = from.headers["nexus-session"];
      const inSession = async (caller: Context): Promise<Context> =>
        session === undefined ? caller : await app.inSession(caller, String(session));
      const around = context && (await inSession(context));
      server.handleUpgrade(from, socket, head, (ws) => {
        let closed = (): void => {};
        let leave = (): void => {};
        const caller = { context: around, later: async (credential: string) => inSession(await later(credential)) };
        const connection = new Socket(app, ws, socket, caller, {
          known: (who) => {
            leave = counted(who);
          },
          closed: () => {
            leave();
            closed();
          },
        });
        try {
          closed = opened(connection, around?.principal);
        } catch (error) {
          connection.stop(error as NexusError);
        }
      });
    }
    return true;
  };
}

/** Answers a request whose upgrade is refused with the problem that HTTP would answer, and closes the connection. */
export function refuse(socket: Duplex, error: unknown, refusals: Refusals): void {
  const problem = loggedProblem(error, refusals);
  const body = JSON.stringify(problem);
  const headers = { ...problemHeaders(error, problem), "content-length": Buffer.byteLength(body), connection: "close" };
  const head = [`HTTP/1.1 ${problem.status} ${problem.code}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  // The peer need not close its side, or take anything: this one does not wait for it.
  const late = setTimeout(() => socket.destroy(), LEAVING_MS).unref();
  socket.once("close", () => clearTimeout(late));
  socket.once("finish", () => socket.destroy());
  socket.on("error", () => {});
  socket.end([...head, "", body].join("\r\n"));
}
