import { spawnSync } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, readFileSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { cpus, loadavg, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { loadNow } from "./load.ts";
import { postgresVersion } from "./services/postgres.ts";

const PACKAGES = [
  "better-sqlite3",
  "ws",
  "socket.io",
  "better-sse",
  "ioredis",
  "bullmq",
  "@nats-io/transport-node",
  "@nats-io/jetstream",
  "@dbos-inc/dbos-sdk",
  "pg",
];
const TMPFS = 0x01021994;

/** Where and with what the numbers were made: without it they mean nothing. */
export async function machine(root: string, folder: string): Promise<Readonly<Record<string, string>>> {
  const processors = cpus();
  const versions = PACKAGES.map((name) => `${name} ${versionOf(root, name)}`).join(", ");
  return {
    processor: `${processors[0]?.model.trim() ?? "unknown"}, ${processors.length} cores`,
    memory: `${(totalmem() / 2 ** 30).toFixed(1)} GiB`,
    system: `${platform()} ${release()}`,
    node: process.version,
    sqlite: `${sqliteVersion()}, WAL, synchronous=FULL (one fsync a commit) for all that is marked fsync`,
    disk: disk(folder),
    versions,
    servers: [programVersion("redis-server"), programVersion("nats-server"), await postgres()].join(", "),
    load: `${loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")} (1, 5 and 15 minutes before; above 0.5 others were at work, and the numbers are theirs, too)`,
  };
}

function versionOf(root: string, name: string): string {
  return (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { readonly version: string }).version;
}

/** The part that needs it says so by itself when it cannot be run. */
function programVersion(program: string): string {
  const { error, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return `${program} ${error === undefined ? (/\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? "of no version") : "missing"}`;
}

async function postgres(): Promise<string> {
  return `PostgreSQL ${await postgresVersion().catch(() => "missing")}`;
}

function sqliteVersion(): string {
  const db = new Database(":memory:");
  const version = db.prepare("SELECT sqlite_version()").pluck().get() as string;
  db.close();
  return version;
}

/** How long the disk takes to keep 4 KiB: the floor of whatever is durable, and the first to look at when numbers differ between machines. */
function disk(folder: string): string {
  const file = join(folder, "fsync");
  const handle = openSync(file, "w");
  const page = Buffer.alloc(4096, 1);
  let at = 0;
  const { p50, p99 } = loadNow(300, () => {
    writeSync(handle, page, 0, page.length, at);
    at += page.length;
    fdatasyncSync(handle);
  });
  closeSync(handle);
  unlinkSync(file);
  const memory = statfsSync(folder).type === TMPFS ? " IN MEMORY: nothing here is durable, and fsync costs nothing" : "";
  return `4 KiB and fdatasync: p50 ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)} ms${memory}`;
}
