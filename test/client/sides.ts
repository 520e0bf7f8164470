import { memoryStore, Nexus, type NexusApi, type NexusOptions, type OpenRegistry } from "nexus-event-system";
import { type ClientOptions, createClient } from "nexus-event-system/client";
import { silent } from "../http/fixtures/site.ts";

export type Api = NexusApi<OpenRegistry>;

/** One app, and who asks it: code in its own process, or a client from afar. */
export interface Side extends AsyncDisposable {
  readonly app: Nexus;
  readonly api: Api;
  readonly url: string;
}

type Open = (options?: NexusOptions<any, any, any>, client?: Partial<ClientOptions>) => Promise<Side>;

/** The two sides of the one interface: what holds for one holds for the other. */
export const SIDES: readonly (readonly [name: string, open: Open])[] = [
  [
    "app",
    async (options = {}) => {
      const app = new Nexus({ store: memoryStore(), logger: silent, ...options }) as Nexus;
      await app.start({ listen: false });
      return { app, api: app as unknown as Api, url: "", [Symbol.asyncDispose]: async () => void (await app.stop({ deadlineMs: 0 })) };
    },
  ],
  [
    "client",
    async (options = {}, clientOptions = {}) => {
      const app = new Nexus({ store: memoryStore(), logger: silent, ...options }) as Nexus;
      const { url = "" } = await app.start({ port: 0 });
      const client = createClient({ url, ...clientOptions });
      return {
        app,
        api: client,
        url,
        [Symbol.asyncDispose]: async () => {
          await client[Symbol.asyncDispose]();
          await app.stop({ deadlineMs: 0 });
        },
      };
    },
  ],
];

/** What a promise rejects with, as callers tell errors apart. */
export async function rejection(promise: Promise<unknown>): Promise<any> {
  try {
    await promise;
  } catch (error) {
    const { name, message, code, details, retryable } = error as any;
    return { name, message, code, details: JSON.parse(JSON.stringify(details ?? null)), retryable };
  }
  throw new Error("it did not reject");
}

/** The next so many events, and then the loop is left. */
export async function take(events: AsyncIterable<any>, count: number): Promise<any[]> {
  const taken: any[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}
