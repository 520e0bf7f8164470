import { NexusError } from "../errors.ts";

/** What became of the connection that subscriptions share; `message` says it in words. */
export type ConnectionNote =
  /** Lost, or not made again; tried again after `delayMs`. */
  | { readonly kind: "lost"; readonly error: unknown; readonly delayMs: number; readonly message: string }
  /** All subscriptions go on. Where events are missing, the loop that asked for them says so. */
  | { readonly kind: "back"; readonly missedNothing: boolean; readonly message: string };

export function lost(error: unknown, delayMs: number): ConnectionNote {
  const what = NexusError.is(error, "SERVER_STOPPING") ? "the server is stopping" : "connection lost";
  return { kind: "lost", error, delayMs, message: `${what}, trying again in ${(delayMs / 1_000).toFixed(1)} s …` };
}

export function back(missedNothing: boolean): ConnectionNote {
  return { kind: "back", missedNothing, message: missedNothing ? "back, nothing missed" : "back, but events are missing" };
}
