import { EventSource } from "eventsource";
import { fakeClock } from "nexus-event-system/testing";
import { expect, test } from "vitest";
import { Peer } from "../http/fixtures/peer.ts";
import { type Site, serve } from "../http/fixtures/site.ts";

/** A site with an operator's key. */
async function keyed(options: object = {}): Promise<Site & { readonly key: string }> {
  const site = await serve(options);
  const { body } = await site.post("/keys", { userId: "operator", scopes: ["admin"] });
  return { ...site, key: body.key };
}

/** The ticket of whoever has this key, as a browser sends it back, and all that was said of it. */
async function ticket(site: Pick<Site, "url">, key: string): Promise<{ readonly cookie: string; readonly said: string }> {
  const response = await fetch(`${site.url}/tickets`, { method: "POST", headers: { authorization: `Bearer ${key}` } });
  expect(response.status).toBe(200);
  const said = response.headers.get("set-cookie") ?? "";
  return { cookie: said.split(";", 1)[0] as string, said };
}

test("[access.1] a ticket is a cookie for streams of the same site alone, which no script can read", async () => {
  await using site = await keyed();
  const { said } = await ticket(site, site.key);
  for (const word of ["nexus-ticket=", "Path=/events", "HttpOnly", "SameSite=Strict", "Max-Age=600"]) expect(said).toContain(word);
  expect(said).not.toContain(site.key);
});

test("[access.1] an EventSource, a long poll and a WebSocket are let in by a ticket; nothing else is", async () => {
  await using site = await keyed();
  const { cookie } = await ticket(site, site.key);
  const source = new EventSource(`${site.url}/events/stream`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, cookie } }),
  });
  await new Promise((resolve) => source.addEventListener("resume", resolve, { once: true }));
  source.close();
  expect((await site.get("/events/poll?waitMs=0", { cookie })).status).toBe(200);
  await using peer = await Peer.open(site.url, { headers: { cookie } });
  expect(await peer.ask({ op: "subscribe", id: "1" })).toMatchObject({ kind: "resume" });
  // It is for following: nothing is done in its owner's name.
  peer.send({ op: "emit", id: "2", input: { type: "a", data: 1 } });
  expect(await peer.kind("problem")).toMatchObject({ id: "2", code: "FORBIDDEN" });
  for (const path of ["/events", "/workflows", "/keys", "/health"]) expect((await site.get(path, { cookie })).status).toBe(401);
  expect((await site.post("/tickets", {}, { cookie })).status).toBe(401);
  expect((await site.post("/mcp", {}, { cookie })).status).toBe(401);
});

test.each<[string, object]>([
  ["from a page of another site", { "sec-fetch-site": "cross-site" }],
  ["from a page of a neighbouring site", { "sec-fetch-site": "same-site" }],
  ["changed", {}],
])("[access.1] a ticket that comes %s lets nobody in", async (what, headers) => {
  await using site = await keyed();
  const { cookie } = await ticket(site, site.key);
  const changed = what === "changed" ? cookie.replace(/.$/, (last) => (last === "A" ? "B" : "A")) : cookie;
  expect((await site.get("/events/poll?waitMs=0", { cookie: changed, ...headers })).status).toBe(401);
});

test("[access.1] a ticket is good for ten minutes, and no longer than its key", async () => {
  const clock = fakeClock();
  await using site = await keyed({ clock });
  const { body: other } = await site.post("/keys", { userId: "ann", scopes: ["events:read"] }, { authorization: `Bearer ${site.key}` });
  const [own, anns] = [await ticket(site, site.key), await ticket(site, other.key)];
  const status = async ({ cookie }: { readonly cookie: string }): Promise<number> =>
    (await site.get("/events/poll?waitMs=0", { cookie })).status;
  expect([await status(own), await status(anns)]).toEqual([200, 200]);
  await site.post(`/keys/${other.id}/revoke`, {}, { authorization: `Bearer ${site.key}` });
  expect([await status(own), await status(anns)]).toEqual([200, 401]);
  await clock.advance(10 * 60_000);
  expect(await status(own)).toBe(401);
});

test("[access.1] a ticket ends no later than the key it was given for", async () => {
  const clock = fakeClock();
  await using site = await keyed({ clock });
  const operator = { authorization: `Bearer ${site.key}` };
  const { body: brief } = await site.post("/keys", { userId: "ann", scopes: ["events:read"], expiresInMs: 60_000 }, operator);
  const { body, headers } = await site.post("/tickets", {}, { authorization: `Bearer ${brief.key}` });
  expect([body.expiresAt, headers.get("set-cookie")]).toEqual([clock.now() + 60_000, expect.stringContaining("Max-Age=60;")]);
});

test("[access.1] a browser that is signed out drops its ticket", async () => {
  await using site = await keyed();
  const response = await fetch(`${site.url}/tickets`, { method: "DELETE", headers: { authorization: `Bearer ${site.key}` } });
  expect([response.status, response.headers.get("set-cookie")]).toEqual([
    200,
    "nexus-ticket=; Path=/events; Max-Age=0; HttpOnly; SameSite=Strict",
  ]);
  expect((await fetch(`${site.url}/tickets`, { method: "DELETE" })).status).toBe(401);
});

test("[access.1] before there are credentials a ticket is not needed, and none is given", async () => {
  await using site = await serve();
  const response = await fetch(`${site.url}/tickets`, { method: "POST" });
  expect([response.status, await response.json(), response.headers.get("set-cookie")]).toEqual([200, {}, null]);
});
