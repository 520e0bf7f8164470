import type { App } from "../app.ts";
import type { Cursor } from "../events/event.ts";

/** The end of the log: the place that an answer made of the present state is true for. */
export async function cursorNow(app: App): Promise<Cursor> {
  const { log, feed } = await app.source();
  return await feed.cursorAt((await log.head()).sequence, app.access.sight);
}
