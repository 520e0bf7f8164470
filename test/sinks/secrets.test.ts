import { inspect } from "node:util";
import { type Logger, type Nexus, NexusError, type NexusEvent } from "nexus-event-system";
import { email, slack, webhook } from "nexus-event-system/sinks";
import { expect, test } from "vitest";
import { memoryScene } from "../workflows/scene.ts";
import { mailServer } from "./mail-server.ts";
import { receiver } from "./receiver.ts";

const SECRET = `whsec_${Buffer.from("a secret that nobody is to see: 1").toString("base64")}`;

/** The dead letter of a consumer, as soon as there is one. */
async function death(app: Nexus, consumer: string): Promise<NexusEvent> {
  for await (const event of app.subscribe({ type: "consumer.dead_lettered", after: "earliest" }))
    if (event.data.consumer === consumer) return event;
  throw new NexusError("APP_STOPPED", {});
}

test("[sink.1] [sink.2] [sink.3] secrets of sinks are in no event, dead letter, log line or answer, whatever the targets say", async () => {
  await using place = memoryScene();
  await using http = await receiver();
  await using smtp = await mailServer("right-password");
  // Each tells all it knows: the webhook's receiver the secret as well.
  http.answer = ({ path, headers }) => ({
    status: 400,
    body: `no ${path} for ${"webhook-id" in headers ? SECRET : "you"} ${JSON.stringify(headers)}`,
  });
  const logged: unknown[] = [];
  const line = (fields: object): void => void logged.push(fields);
  const logger: Logger = { debug: line, info: line, warn: line, error: line };
  const app = await place.start({ logger });
  const type = "order.paid";
  // What fails on events of consumers is logged, and recorded nowhere.
  app.consumer(
    "hooks",
    { type: [type, "consumer.dead_lettered"] },
    webhook({ url: `${http.url}?token=token-hunter2`, secret: SECRET, allowLoopback: true }),
  );
  app.consumer("slack", { type }, slack({ url: `${http.url}/T0/B0/path-hunter2`, allowLoopback: true }));
  app.consumer(
    "mail",
    { type },
    email({ smtp: `smtp://ann:pass-hunter2@127.0.0.1:${smtp.port}`, from: "a@example.com", to: "b@example.com" }),
  );
  await app.emitEvent(type, { orderId: 7 });
  const deaths = await Promise.all(["hooks", "slack", "mail"].map((consumer) => death(app, consumer)));
  expect(JSON.stringify(deaths)).toMatch(/answered 400: no \[secret\]/);
  expect(JSON.stringify(deaths)).toMatch(/not with \[secret\]/);
  const { events } = await app.getEvents({ limit: 1000 });
  const letters = await (await app.fetch(new Request("http://127.0.0.1/dead-letters"))).text();
  const consumers = await (await app.fetch(new Request("http://127.0.0.1/consumers"))).text();
  expect(letters).toContain("answered 400");
  await expect.poll(() => logged.length, { timeout: 10_000 }).toBeGreaterThan(0);
  const shown = [JSON.stringify(events), inspect(logged, { depth: 20 }), letters, consumers].join("\n");
  expect(shown).not.toMatch(/hunter2|whsec_/);
  expect(shown).not.toContain(SECRET.slice("whsec_".length));
});
