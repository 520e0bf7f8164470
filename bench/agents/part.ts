import { Child } from "../child.ts";
import { percentile } from "../numbers.ts";
import type { Contestant, Part, Sample, Settings } from "../part.ts";
import { fileIn } from "../round-file.ts";

/** What a server of this part is started with. */
export interface AgentsJob {
  readonly file: string;
}

/** All agents wait for the next event over MCP, each with the SDK's client; one event wakes them all. */
export function agentsPart(agents: number): Part {
  return {
    title: `Agents: ${agents} wait over MCP; one event at a time, from emit to the tool's result at each`,
    measures: [
      { key: "first", title: "first of them, p50 ms", better: "less" },
      { key: "p50", title: "all of them, p50 ms", better: "less" },
      { key: "p99", title: "all of them, p99 ms", better: "less" },
      { key: "cpu", title: "server CPU a result, µs", better: "less" },
      { key: "idle", title: "server CPU while all wait, ms a second", better: "less" },
    ],
    ours: contestant("Nexus", agents, new URL("./nexus.ts", import.meta.url)),
    peers: [contestant("the SDK and a table asked every 100 ms", agents, new URL("./by-hand.ts", import.meta.url))],
  };
}

function contestant(name: string, agents: number, module: URL): Contestant {
  return {
    name,
    keeps: "fsync",
    round: async (settings) => {
      await using file = await fileIn(settings.folder);
      await using server = new Child(module, { file: file.path } satisfies AgentsJob);
      const { port } = await server.next("listening");
      await using clients = new Child(new URL("./clients.ts", import.meta.url), { port, agents });
      await clients.next("waiting");
      return await results(server, clients, agents, settings);
    },
  };
}

async function results(server: Child, clients: Child, agents: number, { ms }: Settings): Promise<Sample> {
  const told: number[] = [];
  clients.hear("received", (message) => told.push(Number(message["micros"]) / 1000));
  const took: number[] = [];
  const first: number[] = [];
  const one = async (): Promise<void> => {
    told.length = 0;
    const waiting = clients.next("waiting");
    server.tell({ kind: "one" });
    await waiting;
    if (told.length !== agents) throw new Error(`${told.length} of ${agents} agents got the event`);
    took.push(...told);
    first.push(Math.min(...told));
  };
  for (let i = 0; i < 10; i++) await one();
  took.length = first.length = 0;
  const before = await spent(server);
  for (const until = performance.now() + ms; performance.now() < until; ) await one();
  const busy = (await spent(server)) - before;
  const idleFrom = await spent(server);
  await new Promise((resolve) => setTimeout(resolve, ms));
  const idle = (await spent(server)) - idleFrom;
  return {
    first: percentile(first, 50),
    p50: percentile(took, 50),
    p99: percentile(took, 99),
    cpu: busy / (first.length * agents),
    idle: idle / ms,
  };
}

/** Microseconds of CPU that a server has used since its start. */
async function spent(server: Child): Promise<number> {
  const told = server.next("spent");
  server.tell({ kind: "spent" });
  return Number((await told)["micros"]);
}
