import { NexusError, type NexusEvent } from "nexus-event-system";
import { slack } from "nexus-event-system/sinks";
import { expect, test } from "vitest";
import { memoryScene } from "../workflows/scene.ts";
import { deliveryOf, outcome, recorded, runEvents } from "./deliveries.ts";
import { type Receiver, receiver } from "./receiver.ts";

interface Body {
  readonly text: string;
  readonly attachments: readonly { readonly fields: readonly { readonly title: string; readonly value: string }[] }[];
}
const bodies = (server: Receiver): Body[] => server.received.map(({ body }) => JSON.parse(body) as Body);
const fieldsOf = ({ attachments }: Body): Record<string, string> =>
  Object.fromEntries(attachments.flatMap(({ fields }) => fields.map(({ title, value }) => [title, value])));

test("[sink.2] by itself a completed workflow is told with duration, channel and status", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  const events = await runEvents(await place.start(), "completed");
  const completed = events.at(-1) as NexusEvent<string, any>;
  await slack({ url: server.url, allowLoopback: true }).deliver(completed, deliveryOf(completed));
  expect(server.received[0]?.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(bodies(server)).toEqual([
    {
      text: "Workflow import completed",
      attachments: [
        {
          fields: [
            { title: "Duration", value: `${(completed.data.durationMs / 1_000).toFixed(2)}s` },
            { title: "Channel", value: "app" },
            { title: "Status", value: "Success" },
          ],
        },
      ],
    },
  ]);
});

test("[sink.2] a failed and a cancelled workflow are told with their reason", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  const app = await place.start();
  const sink = slack({ url: server.url, allowLoopback: true });
  for (const end of ["failed", "cancelled"] as const) {
    const last = (await runEvents(app, end)).at(-1) as NexusEvent;
    await sink.deliver(last, deliveryOf(last));
  }
  const [failed, cancelled] = bodies(server) as [Body, Body];
  expect(failed.text).toBe("Workflow import failed");
  expect(fieldsOf(failed)).toMatchObject({ Error: "line 3 is &lt;bad&gt; &amp; \u0000 worse", Status: "Failed", Channel: "app" });
  expect(cancelled.text).toBe("Workflow import cancelled");
  expect(fieldsOf(cancelled)).toMatchObject({ Reason: "not wanted", Status: "Cancelled" });
});

test("[sink.2] every other event has a text as well: what happened, and its data", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  const app = await place.start();
  await runEvents(app, "completed");
  await recorded(app, [{ message: "Important update" }, [1, 2], null, "x".repeat(5_000)], "NOTE");
  const sink = slack({ url: server.url, allowLoopback: true });
  const { events } = (await app.getEvents({ limit: 1000 })) as { events: readonly NexusEvent[] };
  for (const event of events) await sink.deliver(event, deliveryOf(event));
  const texts = bodies(server).map(({ text }) => text);
  expect(texts).toEqual(
    expect.arrayContaining(["Workflow import registered", "Workflow import started", "NOTE: Important update", "NOTE"]),
  );
  expect(texts.join()).not.toMatch(/undefined|null|object/);
  const [note, , , long] = bodies(server).slice(-4) as [Body, Body, Body, Body];
  expect(fieldsOf(note)).toEqual({ Data: '{"message":"Important update"}', Channel: "app" });
  expect(fieldsOf(long)["Data"]).toMatch(/^"x{400,500}…$/);
});

test("[sink.2] a message of one's own is a text, in which event data makes no mention and no link, or a whole body", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  const [event] = (await recorded(await place.start(), [{ name: "<!channel> & <https://x|y>" }])) as [NexusEvent<string, any>];
  const url = server.url;
  const body = { text: "*done*", blocks: [{ type: "section", text: { type: "mrkdwn", text: "<https://example.com|see>" } }] };
  await slack({ url, allowLoopback: true, message: (e: NexusEvent<string, any>) => `paid by ${e.data.name}` }).deliver(
    event,
    deliveryOf(event),
  );
  await slack({ url, allowLoopback: true, message: () => body }).deliver(event, deliveryOf(event));
  expect(bodies(server)).toEqual([{ text: "paid by &lt;!channel&gt; &amp; &lt;https://x|y&gt;" }, body]);
});

test("[sink.2] Slack's refusals are dead letters with Slack's own word, and its limits are waited for", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  const [event] = (await recorded(await place.start(), [{ n: 1 }])) as [NexusEvent];
  const sink = slack({ url: `${server.url}/T0/B0/hunter2-hunter2`, allowLoopback: true });
  for (const [status, body] of [
    [400, "invalid_payload"],
    [403, "action_prohibited"],
    [404, "no_service"],
    [410, "channel_is_archived"],
  ] as const) {
    server.answer = ({ path }) => ({ status, body: `${body} ${path}` });
    const [what, words] = await outcome(sink, event);
    expect([what, words]).toEqual(["dead", `127.0.0.1:${server.port} answered ${status}: ${body} [secret]`]);
  }
  server.answer = () => ({ status: 429, headers: { "retry-after": "30" }, body: "rate_limited" });
  expect(await outcome(sink, event)).toEqual(["retried after 30000", expect.stringContaining("rate_limited")]);
  server.answer = () => ({ status: 500, body: "rollup_error" });
  expect(await outcome(sink, event)).toEqual(["retried", expect.stringContaining("rollup_error")]);
});

test("[sink.2] a message that is neither text nor body is a dead letter; one that throws is tried again", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  const [event] = (await recorded(await place.start(), [{ n: 1 }])) as [NexusEvent];
  const saying = (message: () => any) => outcome(slack({ url: server.url, allowLoopback: true, message }), event);
  expect(await saying(() => undefined)).toEqual(["dead", expect.stringContaining("message")]);
  expect(await saying(() => JSON.parse("{"))).toEqual(["retried", expect.stringContaining("JSON")]);
  expect(server.connections).toBe(0);
});

test("[sink.2] Slack's address is https, and what it is told cannot be misspelt", () => {
  const refused = (options: object): string => {
    try {
      slack(options as never);
      return "taken";
    } catch (error) {
      return NexusError.is(error) ? error.code : String(error);
    }
  };
  expect(refused({ url: "https://hooks.slack.com/services/T/B/x" })).toBe("taken");
  expect(refused({ url: "http://hooks.slack.com/services/T/B/x" })).toBe("TARGET_REFUSED");
  expect(refused({ url: "http://127.0.0.1/" })).toBe("TARGET_REFUSED");
  expect(refused({ url: undefined })).toBe("OPTION_INVALID");
  expect(refused({ url: "https://hooks.slack.com/", mesage: () => "x" })).toBe("OPTION_UNSUPPORTED");
  expect(refused({ url: "https://hooks.slack.com/", message: "done" })).toBe("OPTION_INVALID");
});
