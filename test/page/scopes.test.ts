import type { Principal } from "nexus-event-system";
import type { Page } from "playwright-core";
import { expect, test, vi } from "vitest";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { type Browsing, browsing, PATIENCE } from "./browser.ts";
import { KeyedSite, says, signIn } from "./keyed.ts";

vi.setConfig({ testTimeout: 120_000 });

/** The page as somebody with these scopes has it. */
async function as(site: KeyedSite, browser: Browsing, scopes: Principal["scopes"]): Promise<Page> {
  const { key } = await site.makeKey("ann", scopes);
  const page = await browser.open(site.url);
  await signIn(page, key);
  return page;
}

async function missing(page: Page, where: string, scope: string): Promise<void> {
  await page.locator(where).getByText(`Not allowed: this needs the scope ${scope}.`).waitFor(PATIENCE);
}

test("[page.6] whoever may read events, and no more, follows them; every other part says which scope it needs", async () => {
  await using site = await KeyedSite.open({ workflows: WORKFLOWS });
  await using browser = await browsing();
  const page = await as(site, browser, ["events:read"]);
  await says(page, "live");
  await missing(page, "#workflows", "workflows:read");
  await missing(page, "#runs", "workflows:read");
  await site.ask("POST", "/events", { type: "for.all", data: 1, broadcast: true });
  await page.locator("#events .type", { hasText: "for.all" }).waitFor(PATIENCE);
  await page.getByRole("button", { name: "New session" }).click();
  await missing(page, ".sessions", "sessions:write");
  expect(await page.locator("#sessions").innerText()).toBe("No open session.");
});

test("[page.6] whoever may run workflows, and read no events, is told that the page is not live, and sees all the same what becomes of a run", async () => {
  await using site = await KeyedSite.open({ workflows: WORKFLOWS });
  await using browser = await browsing();
  const page = await as(site, browser, ["workflows:read", "workflows:run"]);
  await says(page, "not live. Not allowed: this needs the scope events:read.");
  await missing(page, "#events", "events:read");
  await missing(page, "#sessions", "events:read");
  await page.locator("#workflows summary", { hasText: "endless" }).click();
  await page.getByRole("button", { name: "Run endless" }).click();
  await missing(page, "#run", "events:read");
  await page.locator("#runs .badge", { hasText: "running" }).waitFor(PATIENCE);
  await page.getByRole("button", { name: "Cancel this run of endless" }).click();
  await page.locator("#run .badge", { hasText: "cancelled" }).waitFor(PATIENCE);
  await page.locator("#runs .badge", { hasText: "cancelled" }).waitFor(PATIENCE);
});

test("[page.6] whoever may only read is told which scope is missing at what would change something", async () => {
  await using site = await KeyedSite.open({ workflows: WORKFLOWS });
  await using browser = await browsing();
  const page = await as(site, browser, ["events:read:all", "workflows:read"]);
  await says(page, "live");
  await page.locator("#workflows summary", { hasText: "waiting" }).click();
  await page.getByRole("button", { name: "Run waiting" }).click();
  await missing(page, "#workflows", "workflows:run");
  await site.ask("POST", "/workflows/waiting/execute?waitMs=0");
  await page.locator("#runs a", { hasText: "waiting" }).click(PATIENCE);
  await page.getByRole("button", { name: "Cancel this run of waiting" }).click();
  await missing(page, "#run", "workflows:run");
  await site.ask("POST", "/sessions", { data: { theme: "dark" } });
  await page.locator("#sessions button").click(PATIENCE);
  await page.getByRole("button", { name: "End", exact: true }).click();
  await missing(page, "#session", "sessions:write");
});
