import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nexus } from "./nexus.ts";
import { shop } from "./shop.ts";

test("keys create prints the key alone, for NEXUS_API_KEY; from then on commands need one; list, rotate and revoke say what they did", async () => {
  await using server = await shop();
  const { url } = server;
  expect((await nexus(["keys"], { url })).stderr).toContain("nexus keys create USER --scope admin");
  const first = await nexus(["keys", "create", "operator", "--scope", "admin"], { url });
  const key = first.stdout.trim();
  expect([first.code, key]).toEqual([0, expect.stringMatching(/^nexus_[0-9a-z]{12}_[\w-]{43}$/)]);
  const without = await nexus(["runs"], { url });
  expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("NEXUS_API_KEY")]);
  const env = { NEXUS_API_KEY: key };
  expect((await nexus(["runs"], { url, env })).code).toBe(0);
  const made = JSON.parse(
    (await nexus(["keys", "create", "ann", "--scope", "events:read", "--name", "laptop", "--days", "90", "--output", "json"], { url, env }))
      .stdout,
  );
  expect(made).toMatchObject({ userId: "ann", scopes: ["events:read"], name: "laptop", expiresAt: made.createdAt + 90 * 86_400_000 });
  const rotated = await nexus(["keys", "rotate", made.id, "--overlap-minutes", "0"], { url, env });
  expect(rotated.stdout.trim()).toMatch(/^nexus_/);
  expect((await nexus(["events", "list"], { url, env: { NEXUS_API_KEY: made.key } })).code).toBe(1);
  expect((await nexus(["events", "list"], { url, env: { NEXUS_API_KEY: rotated.stdout.trim() } })).code).toBe(0);
  const id = rotated.stdout.slice("nexus_".length, "nexus_".length + 12);
  expect((await nexus(["keys", "revoke", "begins-none"], { url, env })).code).not.toBe(0);
  expect((await nexus(["keys", "revoke", id.slice(0, 3)], { url, env })).stderr).toContain("is shorter than 4 characters");
  expect((await nexus(["keys", "revoke", id.slice(0, 6)], { url, env })).stderr).toContain(`✔ revoked  ${id}, of ann`);
  const { stdout } = await nexus(["keys"], { url, env });
  expect(stdout).toMatch(/ann {7}events:read {2}since \S+ \S+ {2}revoked /);
  expect(stdout).not.toContain(key.slice(-43));
});

test("keys create --app makes one in the app's own file while no server runs: for whoever is locked out", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-keys-"));
  try {
    const env = { NEXUS_DB: join(folder, "nexus.db") };
    const made = await nexus(["keys", "create", "operator", "--scope", "admin", "--app", "durable-app.ts"], {
      cwd: import.meta.dirname,
      env,
    });
    expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^nexus_/)]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
