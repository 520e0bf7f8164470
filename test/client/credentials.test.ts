import { createClient } from "nexus-event-system/client";
import { expect, test } from "vitest";
import { type Site, serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";

async function keyed(options: object = {}): Promise<Site & { readonly key: string }> {
  const site = await serve({ workflows: WORKFLOWS, ...options });
  const { body } = await site.post("/keys", { userId: "operator", scopes: ["admin"] });
  return { ...site, key: body.key };
}

async function made(
  site: Site & { readonly key: string },
  scopes: readonly string[],
): Promise<{ readonly id: string; readonly key: string }> {
  return (await site.post("/keys", { userId: "ann", scopes }, { authorization: `Bearer ${site.key}` })).body;
}

test("[client.6] with an API key loops, waits and runs work as without: over one connection that says first who it is", async () => {
  await using site = await keyed();
  const { key } = await made(site, ["events:read", "events:emit", "workflows:run", "workflows:read"]);
  await using ann = createClient({ url: site.url, apiKey: key });
  await using loop = ann.subscribe({ type: "n" });
  await loop.ready;
  await ann.emitEvent("n", { of: "ann" });
  await site.app.emitEvent("n", { of: "bob" }, { userId: "bob", visibility: "owner" });
  await ann.emitEvent("n", { of: "ann, too" });
  const seen: unknown[] = [];
  for await (const { data } of loop) if (seen.push(data) === 2) break;
  expect(seen).toEqual([{ of: "ann" }, { of: "ann, too" }]);
  expect(await ann.execute("double", { n: 21 })).toEqual({ doubled: 42 });
});

test("[client.6] a key that ends while a loop goes on: it goes on with the next key, and misses nothing", async () => {
  await using site = await keyed();
  const first = await made(site, ["events:read"]);
  let { key } = first;
  const back = Promise.withResolvers<object>();
  await using client = createClient({
    url: site.url,
    token: () => key,
    onConnection: (note) => void (note.kind === "back" && back.resolve(note)),
  });
  await using loop = client.subscribe({ type: "n" });
  await loop.ready;
  const events = loop[Symbol.asyncIterator]();
  await site.app.broadcastEvent("n", 1);
  expect((await events.next()).value?.data).toBe(1);
  ({ key } = await made(site, ["events:read"]));
  await site.post(`/keys/${first.id}/revoke`, {}, { authorization: `Bearer ${site.key}` });
  await site.app.broadcastEvent("n", 2);
  expect((await events.next()).value?.data).toBe(2);
  const next = events.next();
  expect(await back.promise).toMatchObject({ missedNothing: true });
  await site.app.broadcastEvent("n", 3);
  expect((await next).value?.data).toBe(3);
});

test("[client.6] a key that was refused is not shown again and again: the loop ends with that", async () => {
  await using site = await keyed();
  await using client = createClient({ url: site.url, apiKey: `nexus_${"0".repeat(12)}_${"A".repeat(43)}` });
  await expect(async () => {
    for await (const _event of client.subscribe()) break;
  }).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});
