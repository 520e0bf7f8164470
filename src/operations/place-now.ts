import type { App } from "../app.ts";
import type { Cursor } from "../events/event.ts";

/** What an app says of itself at this moment, and the place that is true for: what is registered later comes after it. */
export async function placeNow<T>(app: App, ask: () => T): Promise<{ readonly of: T; readonly cursor: Cursor }> {
  const { log, feed } = await app.source();
  // Both in one turn: registering takes its place in the log at the call.
  const head = log.head();
  head.catch(() => {}); // Awaited below, unless asking throws.
  const of = ask();
  return { of, cursor: await feed.cursorAt((await head).sequence, app.access.sight) };
}
