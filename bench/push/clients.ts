import { hear, job, micros, tell } from "../parent.ts";
import { HANDSHAKES, type HandshakeName } from "./handshakes.ts";
import { Reader } from "./reader.ts";

/** All readers of a round. They say how far the slowest is, so that nobody emits without end; and when all have everything. */
const { port, readers, handshake, timed } = job<{
  readonly port: number;
  readonly readers: number;
  readonly handshake: HandshakeName;
  readonly timed: boolean;
}>();
const PROGRESS_MS = 5;
const AT_ONCE = 50;

const received = timed ? (emittedAt: number): void => tell({ kind: "received", micros: micros() - emittedAt }) : undefined;
const all: Reader[] = [];
while (all.length < readers) {
  const some = Array.from({ length: Math.min(AT_ONCE, readers - all.length) }, () => new Reader(port, HANDSHAKES[handshake], received));
  await Promise.all(some.map((reader) => reader.ready));
  all.push(...some);
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
