import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";
import { chromium } from "playwright-core";
import { build } from "tsdown";
import { expect, test, vi } from "vitest";
import { silent } from "../http/fixtures/site.ts";

vi.setConfig({ testTimeout: 120_000 });

const SOURCE = fileURLToPath(new URL("../../src/client.ts", import.meta.url));
const BROWSER = {
  executablePath: "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
  ],
};

/** The client as a page loads it: one file, with nothing outside. */
async function bundle(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nexus-client-"));
  try {
    await build({
      config: false,
      entry: { client: SOURCE },
      platform: "browser",
      format: "esm",
      outDir: folder,
      dts: false,
      sourcemap: false,
      logLevel: "error",
      tsconfig: false,
      deps: { alwaysBundle: [/.*/] },
    });
    const files = await readdir(folder);
    expect(files).toEqual([expect.stringMatching(/^client\.m?js$/)]);
    return await readFile(join(folder, files[0] as string), "utf8");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A site of another origin, with the client on it. */
async function otherSite(script: string): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const isScript = request.url === "/client.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : "<!doctype html><title>another site</title>");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const greet = defineWorkflow("greet", async (inputs, ctx) => {
  await ctx.waitForEvent("go");
  return { hello: inputs["name"] ?? "nobody" };
});

test("[client.7] the client runs in a browser, on a page of another origin that is allowed: more loops than a browser has connections, and a restart", async () => {
  const script = await bundle();
  expect(script).not.toMatch(/^import\b|^export .* from\b|\bimport\(|\brequire\(|["']node:|\bprocess\.env/m);
  await using site = await otherSite(script);
  const store = memoryStore();
  const options = { store, logger: silent, workflows: [greet], http: { allowedOrigins: [site.url] } };
  let app = new Nexus(options) as Nexus;
  const { url = "" } = await app.start({ port: 0 });
  const browser = await chromium.launch(BROWSER);
  try {
    const page = await browser.newPage();
    await page.goto(site.url);
    // As text: the page's code is no module of the tests.
    const begun = await page.evaluate(`(async () => {
      const { createClient, NexusError } = await import("/client.js");
      globalThis.notes = [];
      const client = globalThis.client = createClient({ url: ${JSON.stringify(url)}, onConnection: (note) => notes.push(note.message) });
      const loops = Array.from({ length: 20 }, () => client.subscribe({ type: "n" }));
      await Promise.all(loops.map((loop) => loop.ready));
      globalThis.read = Promise.all(loops.map(async (loop) => {
        const seen = [];
        for await (const event of loop) if (seen.push(event.data) === 2) return seen;
      }));
      globalThis.greeting = client.execute("greet", { name: "Ann" });
      const failed = await client.execute("grete").catch((error) => error);
      await client.emitEvent("n", 1);
      return [NexusError.is(failed, "WORKFLOW_NOT_FOUND"), failed.details.similar];
    })()`);
    expect(begun).toEqual([true, ["greet"]]);

    await app.stop({ deadlineMs: 0 });
    await page.waitForFunction("notes.length > 0");
    app = new Nexus(options) as Nexus;
    await app.start({ port: Number(new URL(url).port) });

    const done = await page.evaluate(`(async () => {
      await client.emitEvent("go", {});
      await client.emitEvent("n", 2);
      return { seen: await read, greeting: await greeting, last: notes.at(-1) };
    })()`);
    expect(done).toEqual({ seen: Array.from({ length: 20 }, () => [1, 2]), greeting: { hello: "Ann" }, last: "back, nothing missed" });
  } finally {
    await browser.close();
    await app.stop({ deadlineMs: 0 });
  }
});
