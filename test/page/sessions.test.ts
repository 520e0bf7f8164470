import { EventSource } from "eventsource";
import { chromium } from "playwright-core";
import { expect, test, vi } from "vitest";
import { Command, nexus } from "../cli/nexus.ts";
import { replyOf } from "../http/fixtures/site.ts";
import { StartedServer } from "./started-server.ts";

const PATIENCE = { timeout: 30_000 };
vi.setConfig({ testTimeout: 120_000 });

/** A plain HTTP client: it asks, and it follows the session as server-sent events. */
function client(
  url: string,
  sessionId: string,
): { readonly seen: any[]; read(): Promise<any>; update(changes: object): Promise<any>; close(): void } {
  const seen: any[] = [];
  const source = new EventSource(`${url}events/stream?sessionId=${sessionId}&type=session.updated&after=earliest`);
  source.addEventListener("message", ({ data }) => seen.push(JSON.parse(data).data.changes));
  const at = `${url}sessions/${sessionId}`;
  const headers = { "content-type": "application/merge-patch+json" };
  return {
    seen,
    read: async () => (await replyOf(await fetch(at))).body,
    update: async (changes) => (await replyOf(await fetch(at, { method: "PATCH", headers, body: JSON.stringify(changes) }))).body,
    close: () => source.close(),
  };
}

test("[session.3] one session on a page, in a terminal and in an HTTP client: what each changes, the others see live and on their next read", async () => {
  await using server = await StartedServer.open();
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
  });
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(server.url);
    await page.locator("#state", { hasText: "live" }).waitFor(PATIENCE);
    await page.getByRole("button", { name: "New session" }).click();
    const id = await page.locator("#session h3").innerText(PATIENCE);
    const shown = page.locator("#session pre");
    const live = async (data: object): Promise<void> =>
      expect.poll(async () => JSON.parse(await shown.innerText()), PATIENCE).toEqual(data);

    const url = server.url.replace(/\/$/, "");
    await using terminal = new Command(
      ["events", "tail", "--session", id, "--type", "session.*", "--after", "earliest", "--output", "json"],
      { url },
    );
    const tailed = (): object[] => terminal.values.map(({ event }) => event.data.changes).filter(Boolean);
    const show = async (): Promise<any> => JSON.parse((await nexus(["sessions", "show", id, "--output", "json"], { url })).stdout);
    const http = client(server.url, id);
    try {
      // The page.
      await page.getByLabel("Changes to the session, as JSON").fill('{"by": "page", "<b>": "<img src=x onerror=alert(1)>"}');
      await page.getByRole("button", { name: "Change", exact: true }).click();
      const hostile = { "<b>": "<img src=x onerror=alert(1)>" };
      await terminal.until(() => tailed().length === 1, "what the page changed");
      await expect.poll(() => http.seen, PATIENCE).toEqual([{ by: "page", ...hostile }]);
      expect([(await show()).data, (await http.read()).data]).toEqual([
        { by: "page", ...hostile },
        { by: "page", ...hostile },
      ]);

      // The terminal.
      const joined = await nexus(["sessions", "join", id, "--output", "json"], { url });
      expect(JSON.parse(joined.stdout).channels).toEqual(["api", "cli"]);
      await nexus(["sessions", "update", id, "-d", "by=terminal", "-d", "<b>=null"], { url });
      await live({ by: "terminal" });
      await expect.poll(() => http.seen, PATIENCE).toEqual([{ by: "page", ...hostile }, {}, { by: "terminal", "<b>": null }]);
      expect(await http.read()).toMatchObject({ data: { by: "terminal" }, channels: ["api", "cli"] });
      await page.locator("#session").getByText("api, cli").waitFor(PATIENCE);

      // The HTTP client.
      expect((await http.update({ by: "client", n: 1 })).data).toEqual({ by: "client", n: 1 });
      await live({ by: "client", n: 1 });
      await terminal.until(() => tailed().length === 4, "what the client changed");
      expect((await show()).data).toEqual({ by: "client", n: 1 });

      // All of them saw the same, and so does a page that comes later.
      expect(tailed()).toEqual(http.seen);
      const later = await browser.newPage();
      await later.goto(server.url);
      await later.locator("#sessions button", { hasText: id.slice(-6) }).click(PATIENCE);
      await expect.poll(async () => JSON.parse(await later.locator("#session pre").innerText()), PATIENCE).toEqual({ by: "client", n: 1 });
      await page.getByRole("button", { name: "End" }).click();
      await later.locator("#session").getByText("ended").waitFor(PATIENCE);
      await terminal.said(/session\.ended/);
      expect(await page.locator("img").count()).toBe(0);
      expect(complaints).toEqual([]);
    } finally {
      http.close();
    }
  } finally {
    await browser.close();
  }
});
