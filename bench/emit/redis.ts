import { Redis } from "ioredis";
import { job } from "../parent.ts";
import type { EmitJob } from "./part.ts";
import { peerLoad } from "./peer.ts";

/** One connection, on which ioredis sends without waiting for answers. Its automatic pipelines are slower here, and so is node-redis. */
const { ms, port } = job<EmitJob>();
const redis = new Redis({ port, host: "127.0.0.1" });
await peerLoad(
  ms,
  (message) => redis.xadd("events", "*", "event", message),
  () => redis.xlen("events"),
);
