import { execFile } from "node:child_process";
import dns from "node:dns";
import { join } from "node:path";
import { promisify } from "node:util";
import { NexusError } from "nexus-event-system";
import { webhook } from "nexus-event-system/sinks";
import { afterEach, expect, test, vi } from "vitest";
import { outcome, recorded } from "../sinks/deliveries.ts";
import { receiver } from "../sinks/receiver.ts";
import { memoryScene } from "../workflows/scene.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
afterEach(() => void vi.restoreAllMocks());

function refusal(url: string, allowLoopback?: boolean): string {
  try {
    webhook({ url, secret, ...(allowLoopback !== undefined && { allowLoopback }) });
    return "taken";
  } catch (error) {
    if (!NexusError.is(error, "TARGET_REFUSED")) throw error;
    return error.details.reason;
  }
}

/** From here on names have these addresses, one answer a call, the last one for ever. */
function names(...answers: readonly (readonly string[])[]): { readonly asked: string[] } {
  const asked: string[] = [];
  vi.spyOn(dns, "lookup").mockImplementation(((name: string, _options: object, done: (error: null, found: object[]) => void) => {
    const found = answers[Math.min(asked.length, answers.length - 1)] as readonly string[];
    asked.push(name);
    done(
      null,
      found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }) as never);
  return { asked };
}

test.each([
  ["https://hooks.example.com/x", "taken"],
  ["https://93.184.216.34/", "taken"],
  ["https://[2606:2800:220:1:248:1893:25c8:1946]/", "taken"],
  ["https://[::ffff:93.184.216.34]/", "taken"],
  ["https://[64:ff9b::5db8:d822]/", "taken"],
  ["http://hooks.example.com/x", "it is not https"],
  ["http://93.184.216.34/", "it is not https"],
  ["ftp://hooks.example.com/x", "it is not https"],
  ["file:///etc/passwd", "it is not https"],
  ["https://localhost/", "it is a name of this machine or its network"],
  ["https://LOCALHOST./", "it is a name of this machine or its network"],
  ["https://a.localhost/", "it is a name of this machine or its network"],
  ["https://printer.local/", "it is a name of this machine or its network"],
  ["https://metadata.google.internal/", "it is a name of this machine or its network"],
  ["https://127.0.0.1/", "its address is loopback"],
  ["https://127.0.0.1./", "its address is loopback"],
  ["https://127.1/", "its address is loopback"],
  ["https://0x7f.0.0.1/", "its address is loopback"],
  ["https://0177.0.0.1/", "its address is loopback"],
  ["https://2130706433/", "its address is loopback"],
  ["https://0x7f000001/", "its address is loopback"],
  ["https://①②⑦.⓪.⓪.①/", "its address is loopback"],
  ["https://127.8.9.10/", "its address is loopback"],
  ["https://0.0.0.0/", "its address is unspecified"],
  ["https://0/", "its address is unspecified"],
  ["https://0.1.2.3/", "its address is unspecified"],
  ["https://10.0.0.1/", "its address is private"],
  ["https://172.16.0.1/", "its address is private"],
  ["https://172.31.255.255/", "its address is private"],
  ["https://172.32.0.1/", "taken"],
  ["https://192.168.1.1/", "its address is private"],
  ["https://3232235777/", "its address is private"],
  ["https://169.254.169.254/latest/meta-data", "its address is link-local"],
  ["https://100.64.0.1/", "its address is shared (carrier NAT)"],
  ["https://100.127.255.255/", "its address is shared (carrier NAT)"],
  ["https://100.128.0.1/", "taken"],
  ["https://192.0.0.8/", "its address is reserved"],
  ["https://192.0.2.1/", "its address is documentation"],
  ["https://198.51.100.1/", "its address is documentation"],
  ["https://203.0.113.1/", "its address is documentation"],
  ["https://198.18.0.1/", "its address is benchmarking"],
  ["https://224.0.0.1/", "its address is multicast"],
  ["https://240.0.0.1/", "its address is reserved"],
  ["https://255.255.255.255/", "its address is reserved"],
  ["https://[::]/", "its address is unspecified"],
  ["https://[::1]/", "its address is loopback"],
  ["https://[::7f00:1]/", "its address is reserved"],
  ["https://[fc00::1]/", "its address is private"],
  ["https://[fd12:3456::1]/", "its address is private"],
  ["https://[fe80::1]/", "its address is link-local"],
  ["https://[fec0::1]/", "its address is private"],
  ["https://[ff02::1]/", "its address is multicast"],
  ["https://[2001:db8::1]/", "its address is documentation"],
  ["https://[3fff::1]/", "its address is documentation"],
  ["https://[2001::1]/", "its address is reserved"],
  ["https://[100::1]/", "its address is reserved"],
  ["https://[64:ff9b:1::1]/", "its address is reserved"],
  ["https://[::ffff:127.0.0.1]/", "its address is loopback"],
  ["https://[::ffff:a00:1]/", "its address is private"],
  ["https://[::ffff:169.254.169.254]/", "its address is link-local"],
  ["https://[64:ff9b::10.0.0.1]/", "its address is private"],
  ["https://[64:ff9b::7f00:1]/", "its address is loopback"],
  ["https://[2002:a00:1::]/", "its address is private"],
  ["https://[2002:7f00:1::5]/", "its address is loopback"],
  ["https://[2002:5db8:d822::1]/", "taken"],
])("[access.6] %s: %s", (url, expected) => {
  expect(refusal(url)).toBe(expected);
});

test.each([
  ["http://127.0.0.1:8080/", "taken"],
  ["https://127.0.0.1/", "taken"],
  ["http://localhost:8080/", "taken"],
  ["http://hooks.localhost/", "taken"],
  ["http://[::1]:8080/", "taken"],
  ["https://hooks.example.com/", "taken"],
  ["http://hooks.example.com/", "it is not https"],
  ["http://10.0.0.1/", "it is not https"],
  ["https://10.0.0.1/", "its address is private"],
  ["https://printer.local/", "it is a name of this machine or its network"],
])("[access.6] with allowLoopback, %s: %s", (url, expected) => {
  expect(refusal(url, true)).toBe(expected);
});

test("[access.6] what is no URL, or carries a password, is refused without being shown", () => {
  for (const url of ["no url of hunter2", "https://ann:hunter2@hooks.example.com/"]) {
    const refused = (): unknown => webhook({ url, secret });
    expect(refused).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
    expect(refused).not.toThrow(/hunter2/);
  }
});

test.each([
  ["127.0.0.1", "loopback"],
  ["10.1.2.3", "private"],
  ["169.254.169.254", "link-local"],
  ["::1", "loopback"],
  ["::ffff:127.0.0.1", "loopback"],
  ["fe80::1%eth0", "link-local"],
  ["64:ff9b::a00:1", "private"],
])("[access.6] a name that turns out to be %s is not dialled", async (address, kind) => {
  await using place = memoryScene();
  await using server = await receiver();
  const [event] = await recorded(await place.start(), [{ n: 1 }]);
  names([address]);
  const sink = webhook({ url: `https://hooks.example.com:${server.port}/`, secret });
  expect(await outcome(sink, event as never)).toEqual(["dead", expect.stringContaining(`its address is ${kind}`)]);
  expect(server.connections).toBe(0);
});

test("[access.6] one refused address among those of a name is enough", async () => {
  await using place = memoryScene();
  const [event] = await recorded(await place.start(), [{ n: 1 }]);
  names(["93.184.216.34", "10.0.0.1"]);
  const sink = webhook({ url: "https://hooks.example.com/", secret });
  expect(await outcome(sink, event as never)).toEqual(["dead", expect.stringContaining("private")]);
});

test("[access.6] each connection is checked anew: a name that moves to a private address is refused then", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  const [event] = await recorded(await place.start(), [{ n: 1 }]);
  const { asked } = names(["127.0.0.1"], ["10.0.0.1"]);
  server.answer = () => ({ status: 204, headers: { connection: "close" } });
  const sink = webhook({ url: `http://hooks.localhost:${server.port}/`, secret, allowLoopback: true });
  expect(await outcome(sink, event as never)).toEqual(["delivered"]);
  expect(await outcome(sink, event as never)).toEqual(["dead", expect.stringContaining("private")]);
  expect(asked).toEqual(["hooks.localhost", "hooks.localhost"]);
});

test("[access.6] over http, what is called localhost has to be this machine", async () => {
  await using place = memoryScene();
  const [event] = await recorded(await place.start(), [{ n: 1 }]);
  names(["93.184.216.34"]);
  const sink = webhook({ url: "http://hooks.localhost/", secret, allowLoopback: true });
  expect(await outcome(sink, event as never)).toEqual(["dead", expect.stringContaining("Deliveries do not go to this address")]);
});

test("[access.6] a redirect is not followed", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  await using elsewhere = await receiver();
  const [event] = await recorded(await place.start(), [{ n: 1 }]);
  const sink = webhook({ url: server.url, secret, allowLoopback: true });
  for (const [status, what] of [
    [301, "dead"],
    [308, "dead"],
    [302, "retried"],
    [307, "retried"],
  ] as const) {
    server.answer = () => ({ status, headers: { location: elsewhere.url } });
    expect(await outcome(sink, event as never)).toEqual([what, expect.stringContaining(`answered ${status}`)]);
  }
  expect(elsewhere.connections).toBe(0);
});

test("[access.6] a proxy in the environment is not asked: the address that was checked is the one that is dialled", async () => {
  await using place = memoryScene();
  await using server = await receiver();
  await using proxy = await receiver();
  const [event] = await recorded(await place.start(), [{ n: 1 }]);
  const env = { ...process.env, NODE_USE_ENV_PROXY: "1", HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: "" };
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, "fixtures/proxied.ts"), server.url, JSON.stringify(event)], {
    env,
  });
  // The first request of that process went by Node's own agent: it shows that there was a proxy to ask.
  expect(proxy.received.map(({ headers }) => headers["webhook-id"])).toEqual([undefined]);
  expect(server.received.map(({ headers }) => headers["webhook-id"])).toEqual([`hooks/${event?.id}`]);
});
