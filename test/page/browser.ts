import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

export const PATIENCE: { readonly timeout: number } = { timeout: 30_000 };

/** Chromium with a profile of its own, and what it did: every request, every complaint, every breach of a content security policy. */
export interface Browsing extends AsyncDisposable {
  readonly context: BrowserContext;
  /** Addresses of all requests of all its pages. */
  readonly requests: readonly string[];
  /** What its pages wrote to the console as errors or warnings, and what they threw or asked. */
  readonly complaints: readonly string[];
  /** Directives that were broken, with what broke them. */
  readonly violations: readonly string[];
  /** A page with this address that has come so far as to follow the log. */
  live(url: string): Promise<Page>;
  /** A page with this address. */
  open(url: string): Promise<Page>;
}

/** Chromium, asking nobody for anything of its own accord. */
export function launched(): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-quic",
      "--no-first-run",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export async function browsing(): Promise<Browsing> {
  const browser = await launched();
  const context = await browser.newContext();
  const requests: string[] = [];
  const complaints: string[] = [];
  const violations: string[] = [];
  context.on("request", (request) => requests.push(request.url()));
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  context.on("dialog", (dialog) => {
    complaints.push(`${dialog.type()}: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await context.exposeFunction("tellViolation", (told: string) => violations.push(told));
  await context.addInitScript(
    `addEventListener("securitypolicyviolation", (event) => tellViolation(event.effectiveDirective + " " + event.blockedURI), true);`,
  );
  const open = async (url: string): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(url);
    return page;
  };
  return {
    context,
    requests,
    complaints,
    violations,
    open,
    live: async (url) => {
      const page = await open(url);
      await page.locator("#state", { hasText: "live" }).waitFor(PATIENCE);
      return page;
    },
    [Symbol.asyncDispose]: async () => {
      await browser.close();
    },
  };
}
