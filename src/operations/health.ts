import { type Operation, operation } from "./operation.ts";
import { NOTHING } from "./schemas.ts";

const health: Operation = operation({
  name: "health",
  summary: "Numbers of this moment: the log, runs, handlers, consumers, streams, and what was counted since the start.",
  scope: "admin",
  method: "GET",
  path: "/health",
  params: NOTHING,
  query: NOTHING,
  tool: { name: "get_health" },
  run: async (app) => ({ body: await app.health() }),
});

export const HEALTH_OPERATIONS: readonly Operation[] = [health];
