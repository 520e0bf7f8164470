import { FAILED } from "./failure.ts";
import type { ServableApp } from "./load-app.ts";
import { say } from "./output.ts";

/** A stop that takes longer than its own deadline allows will not come. */
const STUCK_MS = 20_000;

/** Stops an app, and says what goes on later. */
export async function drain(app: ServableApp, options: { readonly deadlineMs?: number }): Promise<void> {
  setTimeout(() => process.exit(FAILED), STUCK_MS).unref();
  const { runsLeft, handlersLeft } = await app.stop(options);
  if (runsLeft > 0) say(`${runsLeft} ${runsLeft === 1 ? "run goes" : "runs go"} on at the next start`);
  if (handlersLeft > 0) say(`${handlersLeft} ${handlersLeft === 1 ? "handler call was" : "handler calls were"} cut off`);
}
