import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { EventSource } from "eventsource";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Peer, refusal } from "../http/fixtures/peer.ts";
import { Stream } from "../http/fixtures/stream.ts";
import type { signIn as SignIn } from "./sign-in.ts";

const FILES = ["sign-in.ts", "nexus.ts", "hono.ts", "express.ts", "fastify.ts", "app/nexus/[[...path]]/route.ts"];
const bare = (code: string): string => code.replaceAll(/\s+/g, "");

test("the code of docs/mounting.md is the code that is run here", async () => {
  const page = await readFile(resolve(import.meta.dirname, "../../docs/mounting.md"), "utf8");
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] as string);
  const files = await Promise.all(FILES.map((file) => readFile(join(import.meta.dirname, file), "utf8")));
  expect(blocks.map(bare)).toEqual(files.map(bare));
});

let folder: string;
let signIn: typeof SignIn;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nexus-mounting-"));
  process.env["PORT"] = "0";
  process.env["NEXUS_DB"] = join(folder, "nexus.db");
  ({ signIn } = await import("./sign-in.ts"));
});

afterAll(async () => {
  const { nexus } = await import("./nexus.ts");
  await nexus.stop({ deadlineMs: 0 });
  await rm(folder, { recursive: true });
});

/** What the Cookie header says after `set-cookie`. */
const cookieOf = (setCookie: string | null): string => (setCookie ?? "").split(";")[0] as string;

type Send = (path: string, init?: RequestInit) => Promise<Response>;

/** What holds wherever the app is mounted, for those who have signed in and those who have not. */
async function holds(send: Send, ann: string, bob: string): Promise<void> {
  const as = (cookie: string): RequestInit => ({ headers: { cookie, "content-type": "application/json" } });
  const post = (cookie: string, path: string, body: object): Promise<Response> =>
    send(path, { ...as(cookie), method: "POST", body: JSON.stringify(body) });

  for (const path of ["/events", "/runs", "/events/stream", "/health", "/nothing"])
    for (const cookie of ["", "sid=guessed"]) expect([path, (await send(path, as(cookie))).status]).toEqual([path, 401]);
  expect((await post("", "/workflows/hello/execute", {})).status).toBe(401);
  for (const path of ["/", "/page.js", "/healthz"]) expect((await send(path, as(""))).status).toBe(200);

  const run = await post(ann, "/workflows/hello/execute", { inputs: { text: "é\u2028" } });
  const { runId, result } = (await run.json()) as { runId: string; result: string };
  expect(result).toBe("hello ann");
  expect((await send(`/runs/${runId}`, as(ann))).status).toBe(200);
  expect((await send(`/runs/${runId}`, as(bob))).status).toBe(404);
  expect((await send("/health", as(ann))).status).toBe(403);
  const session = (await (await post(ann, "/sessions", { data: { a: 1, b: 2 } })).json()) as { id: string };
  const patched = await send(`/sessions/${session.id}`, { ...as(ann), method: "PATCH", body: '{"a":null}' });
  expect([patched.status, ((await patched.json()) as any).data]).toEqual([200, { b: 2 }]);

  await using stream = new Stream(await send("/events/stream?type=note", as(ann)));
  expect(stream.response.headers.get("content-type")).toContain("text/event-stream");
  await stream.next("checkpoint");
  await post(bob, "/events", { type: "note", data: "bob's" });
  await post(ann, "/events", { type: "note", data: "ann's" });
  expect((await stream.next()).data).toMatchObject({ data: "ann's", userId: "ann" });
}

describe.each<[string, () => Promise<{ readonly server: Server }>]>([
  ["Hono", () => import("./hono.ts")],
  ["Express", () => import("./express.ts")],
  ["Fastify", () => import("./fastify.ts")],
])("%s", (_name, mount) => {
  let server: Server;
  let url: string;
  let ann: string;
  let bob: string;

  beforeAll(async () => {
    ({ server } = await mount());
    if (!server.listening) await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const signedIn = async (name: string): Promise<string> => {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}/sign-in`, { method: "POST", headers, body: JSON.stringify({ name }) });
      expect([response.status, await response.text()]).toEqual([200, `welcome, ${name}`]);
      return cookieOf(response.headers.get("set-cookie"));
    };
    ann = await signedIn("ann");
    bob = await signedIn("bob");
  });

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
  });

  test("[app.4] [access.1] the host's sign-in says who calls: everyone has what is theirs, and nobody has nothing", async () => {
    await holds((path, init) => fetch(`${url}/nexus${path}`, init), ann, bob);
    expect((await fetch(`${url}/nexus`)).url).toBe(`${url}/nexus/`);
  });

  test("[app.4] [access.1] an EventSource and a WebSocket are whoever their request is; nobody is not upgraded", async () => {
    const source = new EventSource(`${url}/nexus/events/stream?type=word`, {
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, cookie: ann } }),
    });
    const heard = (name: string): Promise<any> =>
      new Promise((done) => source.addEventListener(name, ({ data }) => done(JSON.parse(data)), { once: true }));
    await heard("checkpoint");
    const event = heard("message");
    await using peer = await Peer.open(`${url}/nexus`, { headers: { cookie: ann } });
    expect(await peer.ask({ op: "emit", id: "1", input: { type: "word", data: 1 } })).toMatchObject({ kind: "reply" });
    expect(await event).toMatchObject({ data: 1, userId: "ann" });
    source.close();
    expect(await refusal(`${url}/nexus`)).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
  });

  test("[access.4] a page of another site is refused, whoever has signed in", async () => {
    const headers = { cookie: ann, origin: "https://evil.example", "content-type": "application/json" };
    const response = await fetch(`${url}/nexus/events`, { method: "POST", headers, body: '{"type":"a","data":1}' });
    expect([response.status, ((await response.json()) as any).code]).toEqual([403, "ORIGIN_REFUSED"]);
    expect(await refusal(`${url}/nexus`, { headers })).toMatchObject({ status: 403, body: { code: "ORIGIN_REFUSED" } });
  });
});

test("[app.4] [access.1] Next.js: the route's handlers answer requests as it makes them, streams included", async () => {
  const route = await import("./app/nexus/[[...path]]/route.ts");
  const send: Send = (path, init = {}) => {
    const request = new Request(`https://app.example/nexus${path}`, init);
    const handler = route[request.method as "GET"] as (request: Request, context: object) => Promise<Response>;
    return handler(request, { params: Promise.resolve({ path: path.split("/") }) });
  };
  const [ann, bob] = ["ann", "bob"].map((name) => cookieOf(signIn({ name, isStaff: false })));
  await holds(send, ann as string, bob as string);
  const staff = cookieOf(signIn({ name: "eve", isStaff: true }));
  expect((await send("/health", { headers: { cookie: staff } })).status).toBe(200);
  expect((await route.GET(new Request("https://other.example/nexus/events"))).status).toBe(403);
});
