import { test } from "vitest";
import { appendThrough } from "./appending.ts";
import { TIMES } from "./chance.ts";
import { Scene } from "./scene.ts";

const KILLS = 20 * TIMES;

test("[log.9] [log.2] [subscription.2] [mcp.2] kill -9 while clients append and readers follow: all that is acknowledged is there, and everyone sees it once, in order", async () => {
  await using scene = await Scene.open("appends");
  await appendThrough(scene, KILLS, async (server) => {
    scene.figures.kills += await server.crash(scene.chance);
  });
});
