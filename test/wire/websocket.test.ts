import { expect, test } from "vitest";
import { Peer } from "../http/fixtures/peer.ts";
import { serve, shiftedClock } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";

test("a WebSocket speaks nexus.v1, also when others are offered before it", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url, { protocols: ["chat", "nexus.v1"] });
  expect(peer.socket.protocol).toBe("nexus.v1");
});

test.each(["authenticate", "ping"])("%s is answered with an empty result", async (op) => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  expect(await peer.ask({ op, id: "1", ...(op === "authenticate" && { credential: "any" }) })).toEqual({
    kind: "reply",
    id: "1",
    result: {},
  });
});

test("[subscription.1] subscribe is answered with resume, then events and checkpoints under its id", async () => {
  await using site = await serve();
  const { cursor } = await site.app.emitEvent("n", { n: 1 });
  const from = `${cursor.split(".")[0]}.0`;
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "s_1-A", filter: { type: "n" }, after: "earliest" });
  expect(await peer.next()).toEqual({ kind: "resume", id: "s_1-A", requested: "earliest", from, recovered: true, earliest: from });
  const [event] = (await site.get("/events?type=n")).body.events;
  expect(await peer.next()).toEqual({ kind: "event", id: "s_1-A", event });
  expect(await peer.next()).toEqual({ kind: "checkpoint", id: "s_1-A", cursor, hasMore: false });
});

test("without filter and place a subscription is of everything from now on", async () => {
  await using site = await serve();
  await site.app.emitEvent("before", 1);
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "1" });
  expect((await peer.next()).requested).toBeNull();
  await site.app.emitEvent("after", 2);
  expect((await peer.kind("event")).event.type).toBe("after");
});

test("subscriptions of one connection have ids of their own, and each its own place", async () => {
  await using site = await serve();
  await site.app.emitEvent("a", 1);
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "1", filter: { type: "a" }, after: "earliest" });
  peer.send({ op: "subscribe", id: "2", filter: { type: ["a", "b"] } });
  const seen: string[] = [];
  while (seen.length < 2) {
    const { kind, id, event } = await peer.next();
    if (kind === "resume" && id === "2") await site.app.emitEvent("b", 2);
    if (kind === "event") seen.push(`${id}${event.type}`);
  }
  expect(seen).toEqual(["1a", "2b"]);
});

test("after the answer to unsubscribe nothing more comes under that id, and the id is free again", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "1", filter: { type: "a" } });
  await peer.kind("checkpoint");
  expect(await peer.ask({ op: "unsubscribe", id: "1" })).toEqual({ kind: "reply", id: "1", result: {} });
  await site.app.emitEvent("a", 1);
  expect(await peer.ask({ op: "ping", id: "1" })).toEqual({ kind: "reply", id: "1", result: {} });
  expect(await peer.ask({ op: "subscribe", id: "1", filter: { type: "a" } })).toMatchObject({ kind: "resume", id: "1" });
});

test("an unsubscribe that comes before the subscription is made ends it all the same", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "1" });
  peer.send({ op: "unsubscribe", id: "1" });
  expect(await peer.kind("reply")).toEqual({ kind: "reply", id: "1", result: {} });
  await site.app.emitEvent("a", 1);
  expect(await peer.ask({ op: "ping", id: "2" })).toEqual({ kind: "reply", id: "2", result: {} });
});

test("an unsubscribe that is refused ends the subscription, and frees its id", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  peer.send({ op: "subscribe", id: "1" });
  await peer.kind("checkpoint");
  expect(await peer.ask({ op: "unsubscribe", id: "1", why: "?" })).toMatchObject({ kind: "problem", id: "1", code: "PROTOCOL_INVALID" });
  await site.app.emitEvent("a", 1);
  expect(await peer.ask({ op: "ping", id: "1" })).toEqual({ kind: "reply", id: "1", result: {} });
});

test("emit's result is the body of POST /events", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  const input = { type: "a", data: { n: 1 }, id: "one", metadata: { k: 1 }, broadcast: true };
  const { result } = await peer.ask({ op: "emit", id: "3", input });
  expect((await site.post("/events", input)).body).toEqual(result);
});

test("[run.6] execute's result is the body of POST /workflows/x/execute", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using peer = await Peer.open(site.url);
  const { result } = await peer.ask({ op: "execute", id: "4", input: { workflow: "double", inputs: { n: 4 } } });
  const { body } = await site.post("/workflows/double/execute", { inputs: { n: 4 } });
  expect(Object.keys(result)).toEqual(Object.keys(body));
  expect([result.status, result.result]).toEqual([body.status, body.result]);
});

test("[run.6] execute with waitMs 0 answers at once, with the place just before the run's first event", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using peer = await Peer.open(site.url);
  const { result } = await peer.ask({ op: "execute", id: "4", input: { workflow: "waiting", waitMs: 0 } });
  expect(result).toEqual({ runId: expect.any(String), status: expect.stringMatching(/^(running|waiting)$/), cursor: expect.any(String) });
  const [first] = (await site.get(`/events?after=${result.cursor}&limit=1`)).body.events;
  expect([first.type, first.runId]).toEqual(["workflow.started", result.runId]);
});

test.each([
  ["emit", { type: "workflow.started", data: 1 }, "/events"],
  ["emit", { type: "a" }, "/events"],
  ["execute", { workflow: "failing" }, "/workflows/failing/execute"],
  ["execute", { workflow: "double", inputs: { n: "x" } }, "/workflows/double/execute"],
  ["execute", { workflow: "duble" }, "/workflows/duble/execute"],
])("[run.6] what %s refuses (%j) is the problem that HTTP answers with, under the op's id", async (op, input, path) => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using peer = await Peer.open(site.url);
  const { kind, id, ...problem } = await peer.ask({ op, id: "4", input });
  const { workflow: _workflow, ...body } = input as Record<string, unknown>;
  const expected = (await site.post(path, body)).body;
  const { runId: _run, cursor: _cursor, detail: _detail, ...rest } = expected;
  expect([kind, id]).toEqual(["problem", "4"]);
  expect(problem).toMatchObject(rest);
  expect(Object.keys(problem).sort()).toEqual(Object.keys(expected).sort());
});

test("what was done over a WebSocket came by the channel api, of the user local", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  await peer.ask({ op: "emit", id: "1", input: { type: "a", data: 1 } });
  expect((await site.get("/events?type=a")).body.events[0]).toMatchObject({ channel: "api", userId: "local" });
});

test("calls are answered as they end, not in the order they came", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using peer = await Peer.open(site.url);
  peer.send({ op: "execute", id: "slow", input: { workflow: "waiting" } });
  expect(await peer.ask({ op: "ping", id: "quick" })).toMatchObject({ id: "quick" });
  peer.send({ op: "emit", id: "go", input: { type: "go", data: 1 } });
  const ids = [(await peer.next()).id, (await peer.next()).id];
  expect(new Set(ids)).toEqual(new Set(["go", "slow"]));
});

test("more calls than are made at once are all answered", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  for (let n = 0; n < 500; n++) peer.send({ op: "emit", id: `e${n}`, input: { type: "n", data: n } });
  const ids = new Set<string>();
  while (ids.size < 500) ids.add((await peer.kind("reply")).id);
  expect((await site.get("/events?type=n&limit=1000")).body.events.map((event: any) => event.data)).toEqual(
    Array.from({ length: 500 }, (_, n) => n),
  );
});

test("pings of the protocol are answered", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  const pong = new Promise<string>((resolve) => peer.socket.once("pong", (data) => resolve(data.toString())));
  peer.socket.ping("there?");
  expect(await pong).toBe("there?");
});

test("a peer that leaves two pings unanswered is closed", { timeout: 60_000 }, async () => {
  const clock = shiftedClock();
  await using site = await serve({ clock });
  await using peer = await Peer.open(site.url, { autoPong: false });
  for (let n = 0; n < 3; n++) {
    const pinged = n < 2 ? new Promise((resolve) => peer.socket.once("ping", resolve)) : peer.closed;
    clock.advance(30_000);
    await pinged;
  }
  expect((await peer.closed).code).toBe(1006);
});

test("[subscription.7] at stop a connection is told why, and closed with 4503 SERVER_STOPPING", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  const stopped = site.app.stop({ deadlineMs: 0 });
  expect(await peer.next()).toMatchObject({
    kind: "problem",
    id: null,
    code: "SERVER_STOPPING",
    retryable: true,
    retryAfterMs: expect.any(Number),
  });
  expect(await peer.closed).toEqual({ code: 4503, reason: "SERVER_STOPPING" });
  await stopped;
});
