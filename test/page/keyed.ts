import { memoryStore, Nexus, type NexusOptions, type Principal } from "nexus-event-system";
import type { Page } from "playwright-core";
import { silent } from "../http/fixtures/site.ts";
import { PATIENCE } from "./browser.ts";

type Scopes = Principal["scopes"];

/** An app whose callers need a key, on a port that it keeps when it starts again, on what it has recorded. */
export class KeyedSite implements AsyncDisposable {
  /** Of an operator. */
  key = "";
  url = "";
  app: Nexus;
  readonly #options: NexusOptions<any, any, any>;

  private constructor(options: NexusOptions<any, any, any>) {
    this.#options = { store: memoryStore(), logger: silent, ...options };
    this.app = new Nexus(this.#options) as Nexus;
  }

  static async open(options: NexusOptions<any, any, any> = {}): Promise<KeyedSite> {
    const site = new KeyedSite(options);
    ({ url: site.url = "" } = await site.app.start({ port: 0 }));
    ({ key: site.key } = await site.makeKey("operator", ["admin"]));
    return site;
  }

  async makeKey(userId: string, scopes: Scopes): Promise<{ readonly id: string; readonly key: string }> {
    return (await this.ask("POST", "/keys", { userId, scopes })) as { id: string; key: string };
  }

  /** As the operator, or with another key. */
  async ask(method: string, path: string, body: object = {}, key = this.key): Promise<any> {
    const credential = key === "" ? { cookie: "sid=operator" } : { authorization: `Bearer ${key}` };
    const headers = { "content-type": "application/json", ...credential };
    const response = await fetch(this.url + path, { method, headers, ...(method !== "GET" && { body: JSON.stringify(body) }) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return await response.json();
  }

  async stop(): Promise<void> {
    await this.app.stop({ deadlineMs: 0 });
  }

  async start(): Promise<void> {
    this.app = new Nexus(this.#options) as Nexus;
    await this.app.start({ port: Number(new URL(this.url).port) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** A sign-in of the site's own, by a cookie `sid`. */
export function signedIn(request: Request): Principal | undefined {
  const name = /(?:^|; )sid=(\w+)/.exec(request.headers.get("cookie") ?? "")?.[1];
  if (name === undefined) return undefined;
  return { userId: name, scopes: name === "operator" ? ["admin"] : ["events:read", "workflows:read", "sessions:write"] };
}

/** Types a key where the page asks for one. */
export async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel("API key").fill(key, PATIENCE);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** What the page says of itself in its head. */
export async function says(page: Page, state: string | RegExp): Promise<void> {
  await page.locator("#state", { hasText: state }).waitFor(PATIENCE);
}

/** The sequences of the events that the page shows, oldest first. */
export async function shown(page: Page): Promise<number[]> {
  const rows = page.locator("#events li[data-sequence]");
  return await rows.evaluateAll((all) => all.map((row) => Number(row.getAttribute("data-sequence"))).reverse());
}
