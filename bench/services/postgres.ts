import { randomBytes } from "node:crypto";
import { Client } from "pg";

/** The one server that is not started here: its roles and settings are whoever's machine it is. */
const SERVER = process.env["NEXUS_BENCH_POSTGRES"] ?? "postgres://postgres@127.0.0.1:5432/test";

/**
 * A database of its own, gone with the block.
 *
 * @throws when there is no such server, or one that acknowledges before its fsync: its numbers would stand beside the wrong word.
 */
export async function postgresDatabase(): Promise<{ readonly url: string } & AsyncDisposable> {
  const name = `nexus_bench_${randomBytes(6).toString("hex")}`;
  await asked(async (client) => {
    for (const setting of ["fsync", "synchronous_commit"]) {
      const { rows } = await client.query<Record<string, string>>(`SHOW ${setting}`);
      if (rows[0]?.[setting] !== "on") throw new Error(`PostgreSQL is set to ${setting} = ${rows[0]?.[setting]}`);
    }
    await client.query(`CREATE DATABASE ${name}`);
  });
  const url = new URL(SERVER);
  url.pathname = `/${name}`;
  return { url: url.href, [Symbol.asyncDispose]: () => asked((client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`)) };
}

export async function postgresVersion(): Promise<string> {
  let version = "";
  await asked(async (client) => {
    version = (await client.query<{ server_version: string }>("SHOW server_version")).rows[0]?.server_version ?? "";
  });
  return version;
}

async function asked(question: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: SERVER });
  try {
    await client.connect();
    await question(client);
  } catch (error) {
    throw new Error(`PostgreSQL (NEXUS_BENCH_POSTGRES names another than ${new URL(SERVER).host}): ${String(error)}`, { cause: error });
  } finally {
    await client.end();
  }
}
