import { defineWorkflow, memoryStore, Nexus } from "nexus-event-system";
import { z } from "zod";

const importOrders = defineWorkflow(
  "import-orders",
  {
    description: "Import orders from a file",
    tags: ["orders"],
    inputs: z.object({
      file: z.string().describe("the file to read"),
      limit: z.int().default(100),
      fast: z.boolean().optional(),
      tags: z.array(z.string()).optional(),
      zip: z.string().optional(),
    }),
  },
  async (inputs, ctx) => {
    await ctx.step("read", () => 1);
    ctx.progress(57);
    await ctx.emitEvent("row.rejected", { line: 412, reason: "2 columns, not 3" });
    await ctx.step("write", () => {});
    return { imported: 997, inputs };
  },
);

const failing = defineWorkflow("failing", { retry: { attempts: 2, baseMs: 1, capMs: 1 } }, async (_inputs, ctx) => {
  await ctx.step("write", () => {
    throw Object.assign(new Error("EACCES: permission denied, open 'orders.json'"), { code: "EACCES" });
  });
});

/** Runs until it is cancelled. */
const endless = defineWorkflow("endless", async (_inputs, ctx) => {
  await ctx.step("wait", ({ signal }) => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })));
});

/** Says what would take over a terminal that obeyed it. */
const hostile = defineWorkflow("hostile", async (_inputs, ctx) => {
  await ctx.emitEvent("evil.word", { reason: "\u001b[2J\u001b]0;owned\u0007red\u009b31m \u202egnp.exe\r\nsecond" });
  return { said: "\u001b[2J\u009b31m\u202e" };
});

/** A started app in this process. */
export async function shop(): Promise<Shop> {
  const app = new Nexus({ name: "shop", store: memoryStore(), workflows: [importOrders, failing, endless, hostile] });
  const { url = "" } = await app.start({ port: 0 });
  return {
    url,
    app,
    get: async (path) => (await fetch(`${url}${path}`)).json(),
    post: async (path, body) => {
      const response = await fetch(`${url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return response.json();
    },
    [Symbol.asyncDispose]: async () => {
      await app.stop({ deadlineMs: 0 });
    },
  };
}

export interface Shop extends AsyncDisposable {
  readonly url: string;
  readonly app: Nexus;
  get(path: string): Promise<any>;
  post(path: string, body: unknown): Promise<any>;
}
