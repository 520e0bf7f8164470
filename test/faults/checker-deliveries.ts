import { type Findings, findings, named, type Seen } from "./checker.ts";

/** One try that reached a target, written down by the target before it answered. */
export interface Try {
  /** Which life of the server it came from. */
  readonly life: number;
  readonly id: string;
  readonly sequence: number;
  /** Whether the target took it: the sender was told so, unless it was killed by then. */
  readonly taken: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What is expected of a consumer. */
export interface Promised {
  /** The events that match, in order. */
  readonly events: readonly Seen[];
  /** When each life of the server was ended, milliseconds since the epoch; the first is that of life 1. */
  readonly killedAt: readonly number[];
  /** One after the other: the first try of each comes in the order of the log, and never before the one before it was taken. */
  readonly inOrder: boolean;
  /** After so long the sender has given a try up, whatever comes of it. */
  readonly timeoutMs: number;
}

/** How long before its death a process may have written down what it delivered. It promises 100 ms; the rest is for a machine that has other things to do. */
const WRITTEN_WITHIN_MS = 2_000;

/**
 * Whether everything was delivered at least once, in order, and nothing again but what a process that was killed could not write down any more.
 *
 * @returns what is wrong, and how often something came again as it may.
 */
export function checkDeliveries(
  tries: readonly Try[],
  { events, killedAt, inOrder, timeoutMs }: Promised,
): { found: Findings; repeats: number } {
  const found = findings();
  const byId = new Map(events.map((event) => [event.id, event]));
  const lastTaken = new Map<string, Try>();
  const tried = new Set<string>();
  let repeats = 0;
  let newest = 0;
  let open: Try | undefined;
  for (const one of tries) {
    const event = byId.get(one.id);
    if (event === undefined || event.sequence !== one.sequence) found.foreign.push(`${one.sequence} ${one.id}`);
    if (inOrder && !tried.has(one.id)) {
      if (one.sequence < newest) found.misplaced.push(`${one.sequence} ${one.id}, first tried after ${newest}`);
      if (open !== undefined && open.id !== one.id && open.life === one.life)
        found.misplaced.push(`${one.sequence} ${one.id}, while ${open.sequence} was not through`);
      newest = Math.max(newest, one.sequence);
    }
    tried.add(one.id);
    open = one.taken ? undefined : one;
    if (!one.taken) continue;
    const before = lastTaken.get(one.id);
    lastTaken.set(one.id, one);
    if (before === undefined) continue;
    if (before.life === one.life) {
      if (one.at - before.at < timeoutMs) found.repeated.push(`${one.sequence} ${one.id}, twice in life ${one.life}`);
      else repeats++;
      continue;
    }
    const death = killedAt[before.life - 1] ?? Number.POSITIVE_INFINITY;
    if (inOrder && death - before.at > WRITTEN_WITHIN_MS)
      found.repeated.push(`${one.sequence} ${one.id}, taken ${death - before.at} ms before the end of life ${before.life}`);
    else repeats++;
  }
  for (const event of events) if (!lastTaken.has(event.id)) found.missing.push(named(event));
  return { found, repeats };
}
