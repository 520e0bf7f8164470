import { hear, job, micros, tell } from "../parent.ts";
import { HANDSHAKES, type HandshakeName, idleHandshake } from "./handshakes.ts";
import { Reader } from "./reader.ts";

export interface ClientsJob {
  readonly port: number;
  readonly readers: number;
  readonly handshake: HandshakeName;
  readonly timed: boolean;
  /** Readers beside them that get nothing: all of one filter, or each of its own. */
  readonly idle?: { readonly readers: number; readonly handshake: HandshakeName; readonly filters: "one" | "each its own" };
}

/** All readers of a round. They say how far the slowest is, so that nobody emits without end; and when all have everything. */
const { port, readers, handshake, timed, idle } = job<ClientsJob>();
const PROGRESS_MS = 5;
const AT_ONCE = 50;

const received = timed ? (emittedAt: number): void => tell({ kind: "received", micros: micros() - emittedAt }) : undefined;
if (idle !== undefined)
  await connected(idle.readers, (i) => {
    const session = `idle-${idle.filters === "one" ? 0 : i}`;
    return new Reader(port, idleHandshake(idle.handshake, session), () => {
      throw new Error("an event came to a reader that none was due to");
    });
  });
const all = await connected(readers, () => new Reader(port, HANDSHAKES[handshake], received));

async function connected(count: number, open: (i: number) => Reader): Promise<readonly Reader[]> {
  const readers: Reader[] = [];
  while (readers.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - readers.length) }, (_, i) => open(readers.length + i));
    await Promise.all(some.map((reader) => reader.ready));
    readers.push(...some);
  }
  return readers;
}

let said = 0;
let expected = Number.POSITIVE_INFINITY;
hear("expect", ({ events }) => (expected = Number(events)));
setInterval(() => {
  let slowest = Number.POSITIVE_INFINITY;
  for (const { count } of all) if (count < slowest) slowest = count;
  if (slowest !== said) tell({ kind: "taken", events: slowest });
  said = slowest;
  if (slowest < expected) return;
  if (all.some(({ count }) => count !== expected)) throw new Error(`a reader got more than the ${expected} events there were`);
  tell({ kind: "done", at: micros(), bytes: all.reduce((sum, reader) => sum + reader.bytes, 0) });
  expected = Number.POSITIVE_INFINITY;
}, PROGRESS_MS);
tell({ kind: "ready" });
