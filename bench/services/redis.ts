import type { Keeps } from "../part.ts";
import { type Running, Service, serviceIn } from "./service.ts";

const MODES: Readonly<Record<Keeps, readonly string[]>> = {
  // Each round of its loop ends with one fsync for all commands of that round, and answers them then.
  fsync: ["--appendonly", "yes", "--appendfsync", "always"],
  written: ["--appendonly", "yes", "--appendfsync", "everysec"],
  memory: ["--appendonly", "no"],
};

export function redisIn(folder: string, keeps: Keeps): Promise<Running> {
  return serviceIn(folder, (own) =>
    Service.start("redis-server", (port) => ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", own, "--save", "", ...MODES[keeps]]),
  );
}
