import { memoryStore, Nexus } from "nexus-event-system";
import { expect, test } from "vitest";
import { exchange } from "../http/fixtures/raw.ts";
import { silent } from "../http/fixtures/site.ts";
import { authenticate, cookie } from "./fixtures/people.ts";

test.each<[string, object, string]>([
  ["credentials", { http: { allowedHosts: ["nexus.example"] } }, "Without credentials (an API key, auth.jwt or auth.authenticate)"],
  ["allowed hosts", { auth: { authenticate } }, "Without http.allowedHosts"],
  ["any allowed host", { auth: { authenticate }, http: { allowedHosts: [] } }, "Without http.allowedHosts"],
])("[access.3] without %s it does not bind wider, and says what is missing", async (_what, options, says) => {
  await using app = new Nexus({ store: memoryStore(), logger: silent, ...options });
  const error: any = await app.start({ host: "0.0.0.0", port: 0 }).catch((refused: unknown) => refused);
  expect([error.code, error.message]).toEqual(["BIND_REFUSED", expect.stringContaining(says)]);
});

test("[access.3] with credentials and allowed hosts it binds wider, and answers to those hosts only", async () => {
  await using app = new Nexus({
    store: memoryStore(),
    logger: silent,
    auth: { authenticate },
    http: { allowedHosts: ["nexus.example"] },
  });
  const { url = "" } = await app.start({ host: "0.0.0.0", port: 0 });
  const port = Number(new URL(url).port);
  const ask = async (host: string, name?: string): Promise<unknown> =>
    (
      await exchange(port, [
        "GET /workflows HTTP/1.1",
        `Host: ${host}`,
        ...Object.entries(cookie(name)).map(([key, value]) => `${key}: ${value}`),
      ])
    ).status;
  expect([await ask("nexus.example", "ann"), await ask("nexus.example"), await ask("other.example", "ann")]).toEqual([200, 401, 403]);
});
