import { expect, test, vi } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { browsing, PATIENCE } from "./browser.ts";
import { KeyedSite, says, signedIn, signIn } from "./keyed.ts";

vi.setConfig({ testTimeout: 120_000 });

/** What the browser itself says of an answer that is no success. */
const ownWords = (complaint: string): boolean => complaint.startsWith("Failed to load resource");

test("[page.4] where the server asks who calls, the page asks for a key: a wrong one is refused in words, a right one lets in, sign out forgets it", async () => {
  await using site = await KeyedSite.open({ workflows: WORKFLOWS });
  await using browser = await browsing();
  const page = await browser.open(site.url);
  await says(page, "not signed in");
  expect(await page.locator("main").isVisible()).toBe(false);
  await signIn(page, "");
  await page.getByRole("alert").getByText("Type or paste an API key.").waitFor(PATIENCE);
  await signIn(page, "kéy of mine");
  await page.getByRole("alert").getByText("An API key has no spaces").waitFor(PATIENCE);
  await signIn(page, `${site.key.slice(0, -1)}${site.key.endsWith("A") ? "B" : "A"}`);
  await page.getByRole("alert").getByText("It was refused. This API key is not known, or good no more.").waitFor(PATIENCE);

  await signIn(page, site.key);
  await says(page, "live");
  await page.locator("#workflows summary", { hasText: "double" }).click();
  await page.getByLabel("n", { exact: true }).fill("4");
  await page.getByRole("button", { name: "Run double" }).click();
  await page.locator("#run pre", { hasText: '"doubled": 8' }).waitFor(PATIENCE);
  await page.locator("#events .type", { hasText: "workflow.completed" }).waitFor(PATIENCE);

  await page.reload();
  await says(page, "live");
  expect(await page.getByLabel("API key").count()).toBe(0);

  await page.getByRole("button", { name: "Sign out" }).click();
  await says(page, "not signed in");
  expect(await page.evaluate("[sessionStorage.length, localStorage.length, location.hash]")).toEqual([0, 0, ""]);
  expect(await browser.context.cookies(`${site.url}/events/stream`)).toEqual([]);
  await page.reload();
  await says(page, "not signed in");
  await page.goBack();
  await says(page, "not signed in");
  expect(await page.locator("#events li").count()).toBe(0);
  expect([browser.violations, browser.complaints.filter((complaint) => !ownWords(complaint))]).toEqual([[], []]);
});

test("[page.4] the key stands in no address, history, title, console, cookie or document", async () => {
  await using site = await KeyedSite.open({ workflows: WORKFLOWS });
  await using browser = await browsing();
  const page = await browser.open(site.url);
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  const sent: Promise<Record<string, string>>[] = [];
  page.on("request", (request) => sent.push(request.allHeaders()));
  await signIn(page, site.key);
  await says(page, "live");
  await page.getByRole("button", { name: "New session" }).click();
  await page.locator("#session h3").waitFor(PATIENCE);
  await page.goto(`${site.url}/#/runs/nothing`);
  await page.reload();
  await says(page, "live");

  const secret = site.key.split("_")[2] as string;
  const places: any = await page.evaluate(`(async () => ({
    document: document.documentElement.outerHTML + [...document.querySelectorAll("input")].map((input) => input.value),
    title: document.title, referrer: document.referrer, name: window.name,
    history: JSON.stringify(history.state) + performance.getEntries().map((entry) => entry.name),
    local: JSON.stringify(localStorage), cookie: document.cookie, databases: JSON.stringify(await indexedDB.databases()),
  }))()`);
  for (const [place, text] of Object.entries({ ...places, said: said.join(), addresses: browser.requests.join() }))
    expect([place, String(text).includes(secret)]).toEqual([place, false]);
  const cookies = await browser.context.cookies();
  expect(JSON.stringify(cookies)).not.toContain(secret);
  expect(cookies).toMatchObject([{ name: "nexus-ticket", path: "/events", httpOnly: true, sameSite: "Strict" }]);
  // In the one header, and in no other.
  const headers = await Promise.all(sent);
  expect(headers.some(({ authorization }) => authorization === `Bearer ${site.key}`)).toBe(true);
  expect(headers.filter(({ authorization: _authorization, ...others }) => JSON.stringify(others).includes(secret))).toEqual([]);
  // The tab has it, for a reload.
  expect(JSON.stringify(await page.evaluate("({ ...sessionStorage })"))).toContain(secret);
});

test("[page.4] a key that is revoked while the page is open signs it out, in words; another key goes on, and sees only what is its own", async () => {
  await using site = await KeyedSite.open({ workflows: WORKFLOWS });
  const ann = await site.makeKey("ann", ["events:read", "sessions:write", "workflows:read"]);
  const bob = await site.makeKey("bob", ["events:read", "sessions:write"]);
  await using browser = await browsing();
  const page = await browser.open(site.url);
  await signIn(page, ann.key);
  await says(page, "live");
  await page.getByRole("button", { name: "New session" }).click();
  await page.locator("#sessions button").waitFor(PATIENCE);
  await page.locator("#session h3").waitFor(PATIENCE);
  await site.ask("POST", "/events", { type: "for.all", data: "told once", broadcast: true });
  await page.locator("#notifications").getByText("told once").waitFor(PATIENCE);

  await site.ask("POST", `/keys/${ann.id}/revoke`);
  await page.getByRole("alert").getByText("You were signed out. This API key is not known, or good no more.").waitFor(PATIENCE);
  await says(page, "not signed in");
  expect(await page.evaluate("sessionStorage.length")).toBe(0);
  expect(await page.evaluate("document.body.textContent")).not.toMatch(/for\.all|told once|ann|initialData/);

  await signIn(page, bob.key);
  await says(page, "live");
  await page.locator("#events .type", { hasText: "for.all" }).waitFor(PATIENCE);
  await expect.poll(() => page.locator("#sessions").innerText(), PATIENCE).toBe("No open session.");
  expect(await page.locator("#session h3, .notification, #events .type", { hasText: /s-|session/ }).count()).toBe(0);
});

test("[page.4] a page that was open before there were keys asks for one as soon as there is one", async () => {
  await using site = await serve();
  await using browser = await browsing();
  const page = await browser.live(site.url);
  const { body } = await site.post("/keys", { userId: "operator", scopes: ["admin"] });
  await says(page, "not signed in");
  await signIn(page, body.key);
  await says(page, "live");
  await page.locator("#events .type", { hasText: "key.created" }).waitFor(PATIENCE);
});

test("[page.4] where nobody needs to say who they are there is no form, no ticket and nothing kept", async () => {
  await using site = await KeyedSite.open({ auth: { authenticate: signedIn } });
  await using browser = await browsing();
  await browser.context.addCookies([{ name: "sid", value: "ann", url: site.url }]);
  const page = await browser.live(site.url);
  await site.ask("POST", "/events", { type: "for.all", data: 1, broadcast: true });
  await page.locator("#events .type", { hasText: "for.all" }).waitFor(PATIENCE);
  expect(await page.getByRole("button", { name: "Sign out" }).isVisible()).toBe(false);
  expect(browser.requests.filter((url) => url.includes("tickets"))).toEqual([]);
  expect(await page.evaluate("sessionStorage.length + localStorage.length")).toBe(0);
  expect([browser.violations, browser.complaints]).toEqual([[], []]);

  // Signed out of the site, in some other tab.
  await browser.context.clearCookies();
  await page.getByRole("button", { name: "New session" }).click();
  await says(page, "not signed in");
});

test("[page.4] whoever signs in at the site is not taken for whoever used a key in the same browser before", async () => {
  await using site = await KeyedSite.open({ auth: { authenticate: signedIn } });
  await using browser = await browsing();
  const first = await browser.open(site.url);
  await signIn(first, site.key);
  await says(first, "live");
  // Without signing out.
  await first.close();

  await browser.context.addCookies([{ name: "sid", value: "ann", url: site.url }]);
  const page = await browser.live(site.url);
  await site.ask("POST", "/events", { type: "of.the.operator", data: 1 });
  await site.ask("POST", "/events", { type: "for.all", data: 1, broadcast: true });
  await page.locator("#events .type", { hasText: "for.all" }).waitFor(PATIENCE);
  expect(await page.locator("#events .type", { hasText: "of.the.operator" }).count()).toBe(0);
});
