import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { Nexus, sqliteStore } from "nexus-event-system";
import { expect, test } from "vitest";
import { silent } from "../http/fixtures/site.ts";
import { guarded, person, USER } from "./fixtures/people.ts";

test("[log.3] an id from the wire is the caller's own: recorded as <userId>/<id>, repeated with the first answer, and nobody else's", async () => {
  await using site = await guarded();
  const [ann, bob] = [site.as("ann"), site.as("bob")];
  const first = await ann.post("/events", { type: "a", data: 1, id: "order-1" });
  expect([first.status, first.body.id]).toEqual([201, "ann/order-1"]);
  expect(await ann.post("/events", { type: "a", data: 1, id: "order-1" })).toMatchObject({ status: 200, body: first.body });
  expect((await ann.post("/events", { type: "a", data: 2, id: "order-1" })).body).toMatchObject({
    code: "EVENT_ID_CONFLICT",
    id: "ann/order-1",
  });
  // Neither the id as it was sent nor as it was recorded is taken for anyone else.
  for (const id of ["order-1", "ann/order-1"]) expect((await bob.post("/events", { type: "a", data: 3, id })).body.id).toBe(`bob/${id}`);
  await using peer = await bob.socket();
  expect((await peer.ask({ op: "emit", id: "1", input: { type: "a", data: 3, id: "order-1" } })).result.id).toBe("bob/order-1");
  expect((await ann.get("/events?type=a")).body.events.map(({ id }: { id: string }) => id)).toEqual(["ann/order-1"]);
});

test("[log.3] no userId and id together are those of another user: a slash in the userId is not the one between them", async () => {
  await using site = await guarded({
    auth: {
      authenticate: (request) => ({
        userId: decodeURIComponent(/sid=(.+)/.exec(request.headers.get("cookie") ?? "")?.[1] ?? ""),
        scopes: USER,
      }),
    },
  });
  const ids: string[] = [];
  for (const [userId, id] of [
    ["a", "b/c"],
    ["a/b", "c"],
    ["a%2Fb", "c"],
    ["a%252Fb", "c"],
  ] as const) {
    const { status, body } = await site.as(encodeURIComponent(userId)).post("/events", { type: "a", data: userId, id });
    expect(status).toBe(201);
    ids.push(body.id);
  }
  expect(new Set(ids).size).toBe(4);
});

test("[log.3] an id of 128 characters is taken from the longest userId, too", async () => {
  await using site = await guarded({ auth: { authenticate: () => ({ userId: "/".repeat(128), scopes: USER }) } });
  const id = "x".repeat(128);
  for (const status of [201, 200]) expect((await site.post("/events", { type: "a", data: 1, id })).status).toBe(status);
  expect((await site.post("/events", { type: "a", data: 1, id: `${id}x` })).status).toBe(422);
});

test("[log.3] a caller cannot take the id of what a run will emit", async () => {
  await using site = await guarded();
  const { body } = await site.as("bob").post("/events", { type: "a", data: 1, id: "0198f3a4-0000-7000-8000-000000000000:main:1" });
  expect(body.id).toMatch(/^bob\//);
});

test("[log.6] no place tells of the id of an event that its reader may not see, and none can be tried", async () => {
  await using site = await guarded();
  const [ann, bob] = [site.as("ann"), site.as("bob")];
  await bob.post("/events", { type: "a", data: 1 });
  const { body: receipt } = await ann.post("/events", { type: "a", data: 1, id: "order-4711" });
  const check = crc32("ann/order-4711").toString(36);
  expect(receipt.cursor).toMatch(new RegExp(`\\.${check}$`));
  const bare: string = receipt.cursor.split(".").slice(0, 2).join(".");
  const places: string[] = [];
  const { body: page } = await bob.get("/events?after=earliest");
  places.push(
    page.cursor,
    (await bob.get("/events")).body.cursor,
    (await bob.get("/runs")).body.cursor,
    (await bob.get("/workflows")).body.cursor,
  );
  places.push((await bob.get("/sessions")).body.cursor, (await bob.get("/workflows/double")).body.cursor);
  places.push((await bob.get(`/events/poll?waitMs=0&after=${bare}`)).body.cursor);
  await using stream = await bob.stream("/events/stream");
  places.push((await stream.next("resume")).data.from, (await stream.next("checkpoint")).data.cursor);
  await using replay = await bob.stream("/events/stream?after=earliest");
  places.push((await replay.next("checkpoint")).data.cursor);
  await using peer = await bob.socket();
  places.push((await peer.ask({ op: "subscribe", id: "1" })).from, (await peer.kind("checkpoint")).cursor);
  const run = await bob.post("/workflows/failing/execute", {});
  expect(run.body.code).toBe("WORKFLOW_FAILED");
  places.push(run.body.cursor);
  expect(places).toEqual(places.map(() => bare));
  // A guess is neither confirmed nor denied.
  for (const guess of [check, crc32("ann/order-4712").toString(36)]) {
    const { status, body } = await bob.get(`/events?after=${bare}.${guess}&type=a`);
    expect([status, body.events]).toEqual([200, []]);
    await using guessing = await bob.stream(`/events/stream?after=${bare}.${guess}`);
    expect((await guessing.next("resume")).data).toMatchObject({ recovered: true, from: bare });
  }
  // Whose event it is, and who sees all, has the check, and it is compared.
  expect((await ann.get("/events?after=earliest&type=a")).body.events.at(-1).cursor).toBe(receipt.cursor);
  for (const name of ["ann", "auditor"]) expect((await site.as(name).get(`/events?after=${bare}.zzz`)).body.code).toBe("CURSOR_UNKNOWN");
});

test("[log.6] a place among what is another's is one to go on from: nothing is missed", async () => {
  await using site = await guarded();
  const [ann, bob] = [site.as("ann"), site.as("bob")];
  await ann.post("/events", { type: "a", data: 1 });
  const { cursor } = (await bob.get("/events")).body;
  await ann.post("/events", { type: "a", data: 2 });
  await bob.post("/events", { type: "a", data: 3 });
  await using stream = await bob.stream(`/events/stream?after=${cursor}`);
  expect((await stream.next()).data.data).toBe(3);
});

test("[event.10] what was recorded before there were credentials is for operators to see", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nexus-local-"));
  const store = (): ReturnType<typeof sqliteStore> => sqliteStore(join(folder, "nexus.db"));
  const open = new Nexus({ store: store(), logger: silent });
  await person({ url: (await open.start({ port: 0 })).url ?? "" }, undefined).post("/events", { type: "a", data: 1 });
  expect((await open.getEvents({ type: "a" })).events).toMatchObject([{ userId: "local", visibility: "owner" }]);
  await open.stop();
  await using site = await guarded({ store: store() });
  expect((await site.as("ann").get("/events?type=a")).body.events).toEqual([]);
  expect((await site.as("operator").get("/events?type=a")).body.events).toHaveLength(1);
  await site.app.stop();
  await rm(folder, { recursive: true });
});
