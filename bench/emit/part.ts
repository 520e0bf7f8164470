import { Child } from "../child.ts";
import { atMostTimes, type Contestant, type Part } from "../part.ts";
import { fileIn } from "../round-file.ts";
import { natsIn } from "../services/nats.ts";
import { redisIn } from "../services/redis.ts";
import type { Running } from "../services/service.ts";

/** What a process of this part is started with. */
export interface EmitJob {
  readonly file: string;
  readonly ms: number;
  /** Of the peer's server. */
  readonly port: number;
}

const BY_HAND = "better-sqlite3 by hand, no index";
const REDIS = "Redis Streams, XADD by ioredis";
const JETSTREAM = "JetStream, file storage";

/** Emitting, durably: each promise resolves after the fsync that its event is in. */
export const emitPart: Part = {
  title: "Emit: 300-byte events with three indexed attributes, schema-checked, one handler; acknowledged when they are kept",
  measures: [
    {
      key: "perSecond",
      title: "events a second, 512 in flight (by hand: 256 a commit)",
      better: "more",
      bars: { [BY_HAND]: 0.8, [REDIS]: 1.8, [JETSTREAM]: 1.8 },
    },
    { key: "cpu", title: "CPU of the emitting process an event, µs", better: "less" },
    { key: "busyP50", title: "one of the 512, p50 ms (by hand: a commit of 256)", better: "less" },
    { key: "busyP99", title: "one of the 512, p99 ms", better: "less" },
    { key: "oneP50", title: "one emit at a time, p50 ms (by hand: one a commit)", better: "less", bars: { [BY_HAND]: atMostTimes(1.3) } },
    { key: "oneP99", title: "one emit at a time, p99 ms", better: "less" },
  ],
  ours: contestant("Nexus emitEvent", "fsync", new URL("./nexus.ts", import.meta.url)),
  peers: [
    contestant(BY_HAND, "fsync", new URL("./by-hand.ts", import.meta.url)),
    contestant(REDIS, "fsync", new URL("./redis.ts", import.meta.url), (folder) => redisIn(folder, "fsync")),
    contestant(JETSTREAM, "written", new URL("./jetstream.ts", import.meta.url), natsIn),
  ],
};

function contestant(name: string, keeps: Contestant["keeps"], module: URL, service?: (folder: string) => Promise<Running>): Contestant {
  return {
    name,
    keeps,
    round: async ({ ms, folder }) => {
      await using file = await fileIn(folder);
      await using server = await service?.(folder);
      await using child = new Child(module, { file: file.path, ms, port: server?.port ?? 0 } satisfies EmitJob);
      const { kind: _kind, ...sample } = await child.next("sample");
      return sample as Record<string, number>;
    },
  };
}
