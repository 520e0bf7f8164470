import { test } from "vitest";
import { appendThrough } from "./appending.ts";
import { TIMES } from "./chance.ts";
import { Scene } from "./scene.ts";

const STOPS = 10 * TIMES;

test("[app.3] [log.2] [subscription.2] [mcp.2] SIGTERM while clients append and readers follow: it drains and exits 0 by itself, all that is acknowledged is there, and everyone sees it once, in order", async () => {
  await using scene = await Scene.open("stop");
  await appendThrough(scene, STOPS, async (server) => {
    // Whoever does not end within the deadline ends itself, with 1: then this throws.
    await server.stop();
    await server.start();
  });
});
