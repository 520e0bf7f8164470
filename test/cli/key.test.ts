import { memoryStore, Nexus } from "nexus-event-system";
import { expect, test } from "vitest";
import { USER } from "../access/fixtures/people.ts";
import { silent } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { nexus } from "./nexus.ts";

const KEY = "key-of-ann-7f3a";

async function guarded(): Promise<{ readonly url: string; readonly app: Nexus } & AsyncDisposable> {
  const app = new Nexus({
    store: memoryStore(),
    logger: silent,
    workflows: WORKFLOWS,
    auth: {
      authenticate: (request) => (request.headers.get("authorization") === `Bearer ${KEY}` ? { userId: "ann", scopes: USER } : undefined),
    },
  }) as Nexus;
  const { url = "" } = await app.start({ port: 0 });
  return { app, url, [Symbol.asyncDispose]: async () => void (await app.stop({ deadlineMs: 0 })) };
}

test("[access.1] NEXUS_API_KEY goes with every call of the command line as a bearer token, and is shown nowhere", async () => {
  await using site = await guarded();
  const { url } = site;
  const env = { NEXUS_API_KEY: KEY };
  const told = await Promise.all([
    nexus(["run", "double", "-i", "n=2"], { url, env }),
    nexus(["events", "list"], { url, env }),
    nexus(["run", "failing"], { url, env }),
    nexus(["runs", "show", "0198f3a4-0000-7000-8000-000000000000"], { url, env }),
    nexus(["runs"], { url: "http://127.0.0.1:1", env }),
  ]);
  expect(told.map(({ code }) => code)).toEqual([0, 0, 1, 2, 75]);
  expect(told[0]?.stdout).toContain('{"doubled":4}');
  expect(JSON.stringify(told)).not.toContain(KEY);
  expect((await site.app.getEvents({ type: "workflow.started", workflow: "double" })).events[0]).toMatchObject({
    userId: "ann",
    channel: "cli",
  });
});

test("[access.1] without a key, or with another, a command fails and says where one is given", async () => {
  await using site = await guarded();
  for (const env of [{ NEXUS_API_KEY: "" }, { NEXUS_API_KEY: "other-key" }]) {
    const { code, stderr, stdout } = await nexus(["runs"], { url: site.url, env });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("NEXUS_API_KEY");
    expect(stderr).not.toContain("other-key");
  }
});

test("[access.1] a key that no header can carry is refused, and not shown", async () => {
  const { code, stderr } = await nexus(["runs"], { env: { NEXUS_API_KEY: `${KEY}\n` } });
  expect([code, stderr.includes("NEXUS_API_KEY")]).toEqual([2, true]);
  expect(stderr).not.toContain(KEY);
});
