import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import tls from "node:tls";
import { CloudEvent } from "cloudevents";
import { FatalError, type NexusEvent, RetryAfter } from "nexus-event-system";
import { webhook } from "nexus-event-system/sinks";
import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { memoryScene } from "../workflows/scene.ts";
import { deliveryOf, outcome, recorded, runEvents } from "./deliveries.ts";
import { type Received, receiver } from "./receiver.ts";

const newSecret = (): string => `whsec_${randomBytes(32).toString("base64")}`;
const verify = (secret: string, { body, headers }: Received): unknown =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

/** One event of an app, for those who look at how it is delivered. */
async function anEvent(data: unknown = { n: 1 }): Promise<NexusEvent> {
  await using place = memoryScene();
  const [event] = await recorded(await place.start(), [data]);
  return event as NexusEvent;
}

test("[sink.1] a webhook is a CloudEvent by its SDK, signed so that the Standard Webhooks library takes it", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  const secret = newSecret();
  const sink = webhook({ url: server.url, secret, allowLoopback: true });
  const events = await runEvents(await place.start(), "completed");
  for (const event of events) await sink.deliver(event, deliveryOf(event));
  expect(server.received.map(({ headers }) => headers["content-type"])).toEqual(
    events.map(() => "application/cloudevents+json; charset=utf-8"),
  );
  const got = server.received.map((received) => new CloudEvent(verify(secret, received) as object));
  expect(got.map(({ id, type, data }) => ({ id, type, data }))).toEqual(events.map(({ id, type, data }) => ({ id, type, data })));
  await sink.close?.();
});

test("[sink.1] a body that was changed, another id, an old time and another secret do not verify", async () => {
  await using server = await receiver();
  const secret = newSecret();
  const event = await anEvent({ amount: 1 });
  await webhook({ url: server.url, secret, allowLoopback: true }).deliver(event, deliveryOf(event));
  const [got] = server.received as [Received];
  expect(verify(secret, got)).toMatchObject({ id: event.id });
  expect(() => verify(secret, { ...got, body: got.body.replace('"amount":1', '"amount":9') })).toThrow(/signature/);
  expect(() => verify(secret, { ...got, headers: { ...got.headers, "webhook-id": "hooks/other" } })).toThrow(/signature/);
  expect(() => verify(secret, { ...got, headers: { ...got.headers, "webhook-timestamp": "1700000000" } })).toThrow(/old/);
  expect(() => verify(newSecret(), got)).toThrow(/signature/);
});

test("[sink.1] while a secret is replaced, receivers with the old one and with the new one both verify", async () => {
  await using server = await receiver();
  const [next, old] = [newSecret(), newSecret()];
  const event = await anEvent();
  await webhook({ url: server.url, secret: [next, old], allowLoopback: true }).deliver(event, deliveryOf(event));
  const [got] = server.received as [Received];
  expect(got.headers["webhook-signature"]).toMatch(/^v1,\S+ v1,\S+$/);
  for (const secret of [next, old]) expect(verify(secret, got)).toMatchObject({ id: event.id });
  expect(() => verify(newSecret(), got)).toThrow(/signature/);
});

test("[sink.1] the id is the idempotency key, the same on every try; the time is that of the try", async () => {
  await using server = await receiver();
  const event = await anEvent();
  const sink = webhook({ url: server.url, secret: newSecret(), allowLoopback: true });
  for (const attempt of [1, 2]) await sink.deliver(event, deliveryOf(event, { attempt }));
  expect(server.received.map(({ headers }) => headers["webhook-id"])).toEqual([`hooks/${event.id}`, `hooks/${event.id}`]);
  for (const { headers } of server.received) expect(Math.abs(Number(headers["webhook-timestamp"]) - Date.now() / 1_000)).toBeLessThan(30);
  expect(server.received[0]?.body).toBe(server.received[1]?.body);
});

test("[sink.1] an id has nothing in it that a header must not have, and no full stop, which parts it from the time", async () => {
  await using server = await receiver();
  const secret = newSecret();
  const event = await anEvent();
  const sink = webhook({ url: server.url, secret, allowLoopback: true });
  await sink.deliver(event, deliveryOf(event, { consumer: "bill.ing für\r\nx: y" }));
  const [got] = server.received as [Received];
  expect(got.headers["webhook-id"]).toBe(`bill%2Eing%20f%C3%BCr%0D%0Ax:%20y/${event.id}`);
  expect(verify(secret, got)).toMatchObject({ id: event.id });
});

test.each([
  [200, "delivered"],
  [204, "delivered"],
  [299, "delivered"],
  [304, "dead"],
  [400, "dead"],
  [401, "dead"],
  [404, "dead"],
  [408, "retried"],
  [409, "retried"],
  [410, "dead"],
  [413, "dead"],
  [422, "dead"],
  [425, "retried"],
  [429, "retried"],
  [500, "retried"],
  [502, "retried"],
  [503, "retried"],
])("[sink.1] what is answered with %i is %s", async (status, what) => {
  await using server = await receiver();
  server.answer = () => ({ status });
  const sink = webhook({ url: server.url, secret: newSecret(), allowLoopback: true });
  expect((await outcome(sink, await anEvent()))[0]).toBe(what);
});

test.each([
  ["7", 7_000],
  ["0", 0],
  ["999999999", 3_600_000],
  [() => new Date(Date.now() + 90_000).toUTCString(), 90_000],
  [() => new Date(Date.now() - 90_000).toUTCString(), 0],
])("[sink.1] Retry-After %s is honoured, up to an hour", async (header, ms) => {
  await using server = await receiver();
  server.answer = () => ({ status: 429, headers: { "retry-after": typeof header === "string" ? header : header() }, body: "slow down" });
  const event = await anEvent();
  const sink = webhook({ url: server.url, secret: newSecret(), allowLoopback: true });
  const error = await Promise.resolve(sink.deliver(event, deliveryOf(event))).catch((thrown: unknown) => thrown as RetryAfter);
  expect(error).toBeInstanceOf(RetryAfter);
  expect((error as RetryAfter).ms).toBeGreaterThan(ms - 30_000);
  expect((error as RetryAfter).ms).toBeLessThanOrEqual(ms);
  expect((error as RetryAfter).message).toMatch(/answered 429: slow down; try again after \d+ ms/);
});

test("[sink.1] a Retry-After that says nothing leaves the wait to the policy", async () => {
  await using server = await receiver();
  server.answer = () => ({ status: 503, headers: { "retry-after": "soon" } });
  expect(await outcome(webhook({ url: server.url, secret: newSecret(), allowLoopback: true }), await anEvent())).toEqual([
    "retried",
    expect.any(String),
  ]);
});

test("[sink.1] what the target says is told in one short line, whatever it is", async () => {
  await using server = await receiver();
  server.answer = () => ({ status: 400, body: `no\r\nsuch \u001b[31m hook\u0000${"!".repeat(1_000_000)}` });
  const [what, words = ""] = await outcome(webhook({ url: server.url, secret: newSecret(), allowLoopback: true }), await anEvent());
  expect(what).toBe("dead");
  expect(words).toContain("answered 400: no such [31m hook !!!");
  expect(words).not.toMatch(/\p{Cc}/u);
  expect(words.length).toBeLessThan(300);
});

test("[sink.1] no secret is told, neither those of the signature nor those in the URL, also when the target echoes them", async () => {
  await using server = await receiver();
  const secret = newSecret();
  const url = `${server.url}/path-hunter2-a/path%20hunter2-b?token=query-hunter2`;
  server.answer = ({ path }) => ({ status: 404, body: `Cannot POST ${path} (${decodeURIComponent(path)}) with ${secret} query-hunter2` });
  const event = await anEvent();
  const sink = webhook({ url, secret, allowLoopback: true });
  const error = (await Promise.resolve(sink.deliver(event, deliveryOf(event))).catch((thrown: unknown) => thrown)) as FatalError;
  expect(error).toBeInstanceOf(FatalError);
  expect(error.message).toContain("answered 404: Cannot POST [secret]");
  await server.away();
  const away = (await Promise.resolve(sink.deliver(event, deliveryOf(event))).catch((thrown: unknown) => thrown)) as Error;
  for (const { message, stack, cause } of [error, away]) expect(`${message} ${stack} ${String(cause)}`).not.toMatch(/hunter2|whsec_/);
  expect(JSON.stringify(away)).not.toContain("hunter2");
});

test("[sink.1] a target that cannot be reached is named, with what went wrong at each of its addresses", async () => {
  await using server = await receiver();
  await server.away();
  const event = await anEvent();
  const refused = (host: string) =>
    outcome(webhook({ url: `http://${host}:${server.port}/`, secret: newSecret(), allowLoopback: true }), event);
  expect(await refused("127.0.0.1")).toEqual(["retried", expect.stringMatching(/^127\.0\.0\.1 could not be reached: .*ECONNREFUSED/)]);
  expect(await refused("localhost")).toEqual(["retried", expect.stringMatching(/^localhost could not be reached: .*ECONNREFUSED/)]);
});

test("[sink.1] a kept connection that the target closed meanwhile is no failure", async () => {
  await using server = await receiver();
  const event = await anEvent();
  const sink = webhook({ url: server.url, secret: newSecret(), allowLoopback: true });
  expect(await outcome(sink, event)).toEqual(["delivered"]);
  expect(await outcome(sink, event)).toEqual(["delivered"]);
  expect(server.connections).toBe(1);
  await server.away();
  await server.back();
  expect(await outcome(sink, event)).toEqual(["delivered"]);
});

test("[sink.1] https is checked: only a certificate of the host's name, by whom this process trusts", async () => {
  const file = (name: string): string => readFileSync(join(import.meta.dirname, "fixtures", name), "utf8");
  await using server = await receiver({ key: file("localhost-key.pem"), cert: file("localhost-cert.pem") });
  const event = await anEvent();
  const secret = newSecret();
  const url = `https://localhost:${server.port}/`;
  expect((await outcome(webhook({ url, secret, allowLoopback: true }), event))[0]).toBe("retried");
  const trusted = tls.getCACertificates("default");
  tls.setDefaultCACertificates([...trusted, file("localhost-cert.pem")]);
  try {
    expect(await outcome(webhook({ url, secret, allowLoopback: true }), event)).toEqual(["delivered"]);
    expect(verify(secret, server.received[0] as Received)).toMatchObject({ id: event.id });
    expect((await outcome(webhook({ url: `https://127.0.0.1:${server.port}/`, secret, allowLoopback: true }), event))[0]).toBe("retried");
  } finally {
    tls.setDefaultCACertificates(trusted);
  }
});

test.each([
  [{ secret: "hunter2-hunter2-hunter2" }, "OPTION_INVALID"],
  [{ secret: "whsec_hunter2!" }, "OPTION_INVALID"],
  [{ secret: `whsec_${Buffer.alloc(23).toString("base64")}` }, "OPTION_INVALID"],
  [{ secret: `whsec_${Buffer.alloc(65).toString("base64")}` }, "OPTION_INVALID"],
  [{ secret: [] }, "OPTION_INVALID"],
  [{ secret: undefined }, "OPTION_INVALID"],
  [{ url: "hunter2" }, "OPTION_INVALID"],
  [{ retries: 3 }, "OPTION_UNSUPPORTED"],
])("[sink.1] webhook refuses %j at once, and does not show it", (options, code) => {
  const make = (): unknown => webhook({ url: "https://hooks.example.com/", secret: newSecret(), ...options } as never);
  expect(make).toThrow(expect.objectContaining({ code }));
  expect(make).not.toThrow(/hunter2/);
});
