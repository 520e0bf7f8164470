import { benchData, benchMessage } from "../event.ts";

/** What an event can be found by, beside its type: one of a thousand sessions, and what it belongs to. */
export function attributesOf(n: number): { readonly sessionId: string; readonly correlationId: string } {
  return { sessionId: `session-${n % 1000}`, correlationId: `019ab2c4-0000-7000-8000-${String(n % 100_000).padStart(12, "0")}` };
}

/** The same for a peer, which gets it as text: nobody looks inside. */
export function peerMessage(n: number): object {
  return { ...benchMessage(benchData(n)), ...attributesOf(n) };
}
