import { NexusError, type NexusEvent } from "nexus-event-system";
import { email } from "nexus-event-system/sinks";
import { expect, test } from "vitest";
import { memoryScene } from "../workflows/scene.ts";
import { deliveryOf, outcome, recorded, runEvents } from "./deliveries.ts";
import { mailServer } from "./mail-server.ts";

const from = "Nexus <nexus@example.com>";
const to = "admin@example.com";

async function anEvent(data: unknown = { n: 1 }): Promise<NexusEvent<string, any>> {
  await using place = memoryScene();
  const [event] = await recorded(await place.start(), [data]);
  return event as NexusEvent;
}

test("[sink.3] by itself a failed workflow is mailed with name, error, time and user", async () => {
  await using place = memoryScene();
  await using server = await mailServer();
  const failed = (await runEvents(await place.start(), "failed")).at(-1) as NexusEvent;
  const sink = email({ smtp: server.url, from, to: [to, "ops@example.com"] });
  await sink.deliver(failed, deliveryOf(failed));
  const [{ mail, to: recipients }] = server.received as [(typeof server.received)[number]];
  expect(recipients).toEqual([to, "ops@example.com"]);
  expect(mail.from?.text).toBe('"Nexus" <nexus@example.com>');
  expect(mail.subject).toBe("Workflow Failure: import");
  expect(mail.date?.getTime()).toBe(Math.floor(failed.timestamp / 1_000) * 1_000);
  expect(mail.headers.get("auto-submitted")).toBe("auto-generated");
  for (const line of [
    "Workflow: import",
    "Error: line 3 is <bad> &",
    `Time: ${new Date(failed.timestamp).toISOString()}`,
    "User: ann",
    "Status: Failed",
  ])
    expect(mail.text).toContain(line);
  await sink.close?.();
});

test("[sink.3] subject and text of one's own", async () => {
  await using server = await mailServer();
  const event = await anEvent({ orderId: 7, name: "Zoë ✓" });
  const sink = email({
    smtp: server.url,
    from,
    to,
    subject: (e: NexusEvent<string, any>) => `Paid: ${e.data.name}`,
    text: (e: NexusEvent<string, any>) => `order ${e.data.orderId}\n.\n`,
  });
  await sink.deliver(event, deliveryOf(event));
  expect(server.received.map(({ mail }) => [mail.subject, mail.text])).toEqual([["Paid: Zoë ✓", "order 7\n.\n"]]);
  await sink.close?.();
});

test("[sink.3] event data makes no header and no recipient, whatever is in it", async () => {
  await using server = await mailServer();
  const hostile = "paid\r\nBcc: eve@example.com\r\nX-Evil: 1\r\n\r\nnew body\u0000\u001b[31m\u2028";
  const event = await anEvent({ hostile });
  const sink = email({
    smtp: server.url,
    from,
    to,
    subject: (e: NexusEvent<string, any>) => `${e.data.hostile}`.repeat(50),
    text: (e: NexusEvent<string, any>) => `\r\n.\r\nMAIL FROM:<eve@example.com>\r\n${e.data.hostile}`,
  });
  await sink.deliver(event, deliveryOf(event, { consumer: "a>\r\nX-Evil: 1\r\n<b" }));
  const [{ mail, to: recipients }] = server.received as [(typeof server.received)[number]];
  expect(server.received).toHaveLength(1);
  expect(recipients).toEqual([to]);
  expect([...mail.headers.keys()].sort()).toEqual([
    "auto-submitted",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "subject",
    "to",
  ]);
  expect(mail.subject).toMatch(/^paid Bcc: eve@example.com X-Evil: 1 new body \[31m paid/);
  expect(mail.subject?.length).toBeLessThanOrEqual(200);
  expect(mail.text).toContain("MAIL FROM:<eve@example.com>");
  await sink.close?.();
});

test("[sink.3] the Message-ID is the same on every try, and another for another event or consumer", async () => {
  await using server = await mailServer();
  const [one, two] = [await anEvent(), await anEvent()];
  const sink = email({ smtp: server.url, from, to });
  await sink.deliver(one, deliveryOf(one, { attempt: 1 }));
  await sink.deliver(one, deliveryOf(one, { attempt: 2 }));
  await sink.deliver(two, deliveryOf(two));
  await sink.deliver(one, deliveryOf(one, { consumer: "others" }));
  const ids = server.received.map(({ mail }) => mail.messageId);
  expect(ids[1]).toBe(ids[0]);
  expect(new Set(ids).size).toBe(3);
  expect(ids[0]).toMatch(/^<[0-9a-f]{40}@example\.com>$/);
  expect(server.connections).toBe(1);
  await sink.close?.();
});

test.each([
  [{ status: 550, text: "no such mailbox" }, "dead"],
  [{ status: 554, text: "spam" }, "dead"],
  [{ status: 450, text: "greylisted" }, "retried"],
  [{ status: 452, text: "full" }, "retried"],
  [{ status: 503, text: "bad sequence" }, "retried"],
])("[sink.3] what is refused with %j is %s", async (refusal, what) => {
  await using server = await mailServer();
  server.answer = () => refusal;
  const sink = email({ smtp: server.url, from, to });
  expect(await outcome(sink, await anEvent())).toEqual([what, expect.stringContaining(refusal.text)]);
  server.answer = () => "taken";
  expect(await outcome(sink, await anEvent())).toEqual(["delivered"]);
  await sink.close?.();
});

test.each([
  [550, "dead"],
  [451, "retried"],
])("[sink.3] a mail that one of its recipients refused with %i is %s, not delivered", async (status, what) => {
  await using server = await mailServer();
  server.answer = (recipient) => (recipient.startsWith("gone") ? { status, text: "not here" } : "taken");
  const sink = email({ smtp: server.url, from, to: ["gone@example.com", to] });
  expect(await outcome(sink, await anEvent())).toEqual([what, expect.stringContaining("not here")]);
  expect(server.received.map(({ to: recipients }) => recipients)).toEqual([[to]]);
  await sink.close?.();
});

test("[sink.3] a kept connection that the server closed meanwhile is replaced", async () => {
  await using server = await mailServer();
  const sink = email({ smtp: server.url, from, to });
  expect(await outcome(sink, await anEvent())).toEqual(["delivered"]);
  await server.away();
  await server.back();
  expect(await outcome(sink, await anEvent())).toEqual(["delivered"]);
  await sink.close?.();
});

test("[sink.3] no password is told, also when the server echoes it", async () => {
  await using server = await mailServer("right");
  const event = await anEvent();
  for (const smtp of [
    `smtp://ann:hunter2%21@127.0.0.1:${server.port}`,
    { host: "127.0.0.1", port: server.port, auth: { user: "ann", pass: "hunter2!" } },
  ]) {
    const sink = email({ smtp, from, to });
    const error = (await Promise.resolve(sink.deliver(event, deliveryOf(event))).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toContain("not with [secret]");
    expect(`${error.stack} ${String(error.cause)} ${JSON.stringify(error)}`).not.toContain("hunter2");
    await sink.close?.();
  }
  const sink = email({ smtp: `smtp://ann:right@127.0.0.1:${server.port}`, from, to });
  expect(await outcome(sink, event)).toEqual(["delivered"]);
  await sink.close?.();
});

test("[sink.3] what email is told is checked at once, and not shown", () => {
  const refused = (options: object): string => {
    try {
      email({ smtp: "smtp://localhost", from, to, ...options } as never);
      return "taken";
    } catch (error) {
      expect(String(error)).not.toContain("hunter2");
      return NexusError.is(error) ? error.code : String(error);
    }
  };
  expect(refused({})).toBe("taken");
  expect(refused({ smtp: { host: "localhost" } })).toBe("taken");
  for (const options of [
    { smtp: "hunter2" },
    { smtp: "http://ann:hunter2@localhost" },
    { smtp: undefined },
    { from: "nobody" },
    { from: "a@b.c\r\nBcc: eve@example.com" },
    { to: [] },
    { to: ["a@b.c", "x"] },
    { subject: "Failed" },
    { text: "Failed" },
  ])
    expect(refused(options), JSON.stringify(options)).toBe("OPTION_INVALID");
  expect(refused({ cc: to })).toBe("OPTION_UNSUPPORTED");
});
