import type { Check } from "./check.ts";
import { clock, database, floor, keys } from "./database.ts";
import { folder, fsync } from "./disk.ts";
import { node, versions } from "./package.ts";
import { port } from "./port.ts";
import { credential } from "./server.ts";

/** In the order in which they are shown. */
export const CHECKS: Readonly<Record<string, Check>> = {
  node,
  package: versions,
  database,
  folder,
  fsync,
  clock,
  port,
  server: credential,
  keys,
  floor,
};
