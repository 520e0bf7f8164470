import { expect, test } from "vitest";
import { Peer, refusal } from "../http/fixtures/peer.ts";
import { serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";

test.each([
  ["no JSON", "{"],
  ["an array", "[]"],
  ["null", "null"],
  ["no id", { op: "ping" }],
  ["an id that is a number", { op: "ping", id: 1 }],
  ["an empty id", { op: "ping", id: "" }],
  ["an id of 33 characters", { op: "ping", id: "x".repeat(33) }],
  ["an id with a space", { op: "ping", id: "a b" }],
  ["a binary frame", Buffer.from('{"op":"ping","id":"1"}')],
])("%s cannot be answered: a problem without id, then 4400 PROTOCOL_INVALID", async (_what, frame) => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  expect(await peer.ask(frame)).toMatchObject({ kind: "problem", id: null, status: 400, code: "PROTOCOL_INVALID", retryable: false });
  expect(await peer.closed).toEqual({ code: 4400, reason: "PROTOCOL_INVALID" });
});

test("an id of 32 characters of A-Z a-z 0-9 _ - is one", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  const id = "AZaz09_-".repeat(4);
  expect(await peer.ask({ op: "ping", id })).toEqual({ kind: "reply", id, result: {} });
});

test.each([
  ["a subscription", { op: "subscribe", id: "1" }],
  ["a call", { op: "execute", id: "1", input: { workflow: "waiting" } }],
])("the id of %s that is open cannot be used again: 4400", async (_what, frame) => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using peer = await Peer.open(site.url);
  peer.send(frame);
  peer.send({ op: "ping", id: "1" });
  expect(await peer.closed).toEqual({ code: 4400, reason: "PROTOCOL_INVALID" });
});

test("the id of a call that is open cannot be unsubscribed: 4400", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using peer = await Peer.open(site.url);
  peer.send({ op: "execute", id: "1", input: { workflow: "waiting" } });
  peer.send({ op: "unsubscribe", id: "1" });
  expect(await peer.closed).toEqual({ code: 4400, reason: "PROTOCOL_INVALID" });
});

test.each([
  ["an unknown op", { op: "shout", id: "1" }, "PROTOCOL_INVALID"],
  ["no op", { id: "1" }, "PROTOCOL_INVALID"],
  ["an op of Object.prototype", { op: "constructor", id: "1" }, "PROTOCOL_INVALID"],
  ["an op that is a number", { op: 1, id: "1" }, "PROTOCOL_INVALID"],
  ["an op that no text can be made of", { op: { toString: null }, id: "1" }, "PROTOCOL_INVALID"],
  ["an unknown field", { op: "ping", id: "1", loud: true }, "PROTOCOL_INVALID"],
  ["unsubscribing what is not there", { op: "unsubscribe", id: "1" }, "PROTOCOL_INVALID"],
  ["an unknown filter field", { op: "subscribe", id: "1", filter: { colour: "red" } }, "FILTER_INVALID"],
  ["since in a stream's filter", { op: "subscribe", id: "1", filter: { since: "2026-01-01T00:00:00Z" } }, "FILTER_INVALID"],
  ["a filter that is no object", { op: "subscribe", id: "1", filter: ["a"] }, "FILTER_INVALID"],
  ["a place that is no text", { op: "subscribe", id: "1", after: 1 }, "FILTER_INVALID"],
  ["an onLoss that there is not", { op: "subscribe", id: "1", onLoss: "latest" }, "FILTER_INVALID"],
  ["emit without input", { op: "emit", id: "1" }, "REQUEST_INVALID"],
  ["emit with an unknown field", { op: "emit", id: "1", input: { type: "a", data: 1, visibility: "public" } }, "REQUEST_INVALID"],
  ["execute without workflow", { op: "execute", id: "1", input: {} }, "REQUEST_INVALID"],
  ["execute with an unknown field", { op: "execute", id: "1", input: { workflow: "double", name: "other" } }, "REQUEST_INVALID"],
])("%s is a problem under its id, and the connection goes on", async (_what, frame, code) => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using peer = await Peer.open(site.url);
  expect(await peer.ask(frame)).toMatchObject({ kind: "problem", id: "1", code });
  expect(await peer.ask({ op: "ping", id: "1" })).toEqual({ kind: "reply", id: "1", result: {} });
});

test("execute's faults name the fields as they are sent", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  const { faults } = await peer.ask({ op: "execute", id: "1", input: { waitMs: -1 } });
  expect(faults.map((fault: any) => fault.path).sort()).toEqual(["waitMs", "workflow"]);
});

test("a frame of more than 1 MiB is too big: 1009", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  peer.send({ op: "emit", id: "1", input: { type: "a", data: "x".repeat(1024 * 1024) } });
  expect((await peer.closed).code).toBe(1009);
});

test("text that is not UTF-8 is refused: 1007", async () => {
  await using site = await serve();
  await using peer = await Peer.open(site.url);
  peer.socket.send(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { binary: false });
  expect((await peer.closed).code).toBe(1007);
});

test.each([[["chat"]], [[]]])("without the subprotocol there is no upgrade: 426 (%j)", async (protocols) => {
  await using site = await serve();
  const { status, headers, body } = await refusal(site.url, { protocols });
  expect([status, body.code, headers["content-type"], headers.upgrade]).toEqual([
    426,
    "UPGRADE_REQUIRED",
    "application/problem+json",
    "websocket",
  ]);
});

test("without an upgrade the address says what it speaks: 426", async () => {
  await using site = await serve();
  const { status, headers, body } = await site.get("/events/ws");
  expect([status, body.code, body.subprotocol, headers.get("upgrade")]).toEqual([426, "UPGRADE_REQUIRED", "nexus.v1", "websocket"]);
});

test("an upgrade of another address is answered with 404", async () => {
  await using site = await serve();
  expect(await refusal(site.url, { path: "/events" })).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
});
