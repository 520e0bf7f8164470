import { fakeClock } from "nexus-event-system/testing";
import type { BrowserContext, Page } from "playwright-core";
import { expect, test, vi } from "vitest";
import { Stream } from "../http/fixtures/stream.ts";
import { browsing, PATIENCE } from "./browser.ts";
import { KeyedSite, says, shown, signIn } from "./keyed.ts";

vi.setConfig({ testTimeout: 240_000 });

const MINUTE = 60_000;

/** Writes down each event that an EventSource of the page is given, in the order in which it is. */
async function watchStreams(context: BrowserContext): Promise<void> {
  await context.addInitScript(`
    globalThis.streamed = [];
    globalThis.streams = 0;
    globalThis.EventSource = class extends EventSource {
      constructor(...given) {
        super(...given);
        streams += 1;
        this.addEventListener("message", ({ data }) => streamed.push(JSON.parse(data).sequence));
      }
    };`);
}

const streamed = (page: Page): Promise<number[]> => page.evaluate("globalThis.streamed");

test("[page.5] for hours, past the ends of many tickets and over restarts of the server, the page is given each event once and in order", async () => {
  const clock = fakeClock();
  await using site = await KeyedSite.open({ clock });
  await using browser = await browsing();
  await watchStreams(browser.context);
  await browser.context.clock.install({ time: clock.now() });
  const page = await browser.open(site.url);
  await signIn(page, site.key);
  await says(page, "live");
  const tickets = (): number => browser.requests.filter((url) => url.endsWith("/tickets")).length;

  const sent: number[] = [];
  const emit = async (): Promise<void> => {
    sent.push((await site.app.emitEvent("tick", sent.length)).sequence);
  };
  for (let round = 1; round <= 24; round++) {
    const before = tickets();
    await emit();
    await clock.advance(9 * MINUTE);
    await Promise.all([browser.context.clock.fastForward(9 * MINUTE), ...Array.from({ length: 5 }, emit)]);
    const renewed = async (): Promise<number> => {
      await browser.context.clock.fastForward(MINUTE);
      return tickets();
    };
    await expect.poll(renewed, PATIENCE).toBeGreaterThan(before);
    if (round % 8 === 0) {
      await site.stop();
      await emit().catch(() => {});
      await says(page, "connection lost, trying again");
      await site.start();
      await emit();
      await says(page, "back, nothing missed");
    }
  }
  await emit();
  await expect.poll(async () => (await streamed(page)).at(-1), PATIENCE).toBe(sent.at(-1));
  const ticks = new Set(sent);
  expect((await streamed(page)).filter((sequence) => ticks.has(sequence))).toEqual(sent);
  expect(await streamed(page)).toEqual([...new Set(await streamed(page))]);
  await expect.poll(async () => (await shown(page)).filter((sequence) => ticks.has(sequence)), PATIENCE).toEqual(sent);
  expect(await page.getByLabel("API key").count()).toBe(0);
});

test("[page.5] a ticket that ends because the browser's clock is wrong costs nothing: the next one is fetched when the server says so", async () => {
  const clock = fakeClock();
  await using site = await KeyedSite.open({ clock });
  await using browser = await browsing();
  await watchStreams(browser.context);
  // To the page a ticket lasts for years.
  const page = await browser.open(site.url);
  await signIn(page, site.key);
  await says(page, "live");
  for (let n = 1; n <= 3; n++) {
    const streams = await page.evaluate("streams");
    await site.app.emitEvent("tick", n);
    await clock.advance(10 * MINUTE);
    await expect.poll(() => page.evaluate("streams"), PATIENCE).toBeGreaterThan(streams as number);
  }
  await site.app.emitEvent("tick", 4);
  const ticks = page.locator("#events summary", { hasText: /tick/ });
  await expect.poll(() => ticks.count(), PATIENCE).toBe(4);
  expect(await streamed(page)).toEqual([...new Set(await streamed(page))]);
  await says(page, "live");
  expect(await page.locator("#events .mark").count()).toBe(0);
});

test("[page.5] two tabs with different keys: each follows what is its own, however often both begin anew", async () => {
  await using site = await KeyedSite.open();
  const people = await Promise.all(["ann", "bob"].map((name) => site.makeKey(name, ["events:read", "events:emit"])));
  await using browser = await browsing();
  await watchStreams(browser.context);
  const pages = await Promise.all(people.map(() => browser.open(site.url)));
  for (const [n, page] of pages.entries()) await signIn(page, people[n]?.key as string);
  for (const page of pages) await says(page, "live");
  const own: number[][] = [[], []];
  for (let round = 0; round < 4; round++) {
    for (const [n, { key }] of people.entries()) own[n]?.push((await site.ask("POST", "/events", { type: "note", data: n }, key)).sequence);
    await site.stop();
    for (const page of pages) await says(page, /connection lost|The server is stopping/);
    await site.start();
    for (const page of pages) await says(page, "back, nothing missed");
  }
  for (const [n, page] of pages.entries()) {
    await expect.poll(async () => (await shown(page)).filter((sequence) => own.flat().includes(sequence)), PATIENCE).toEqual(own[n]);
  }
});

test("[page.5] while a tab opens its stream with its ticket, another waits before it takes one: neither follows as the other", async () => {
  await using site = await KeyedSite.open();
  const [ann, bob] = await Promise.all(["ann", "bob"].map((name) => site.makeKey(name, ["events:read", "events:emit"])));
  await using browser = await browsing();
  const open = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const first = await browser.open(site.url);
  await first.route(/\/events\/stream/, async (route) => {
    asked.resolve();
    await open.promise;
    await route.continue();
  });
  await signIn(first, ann?.key as string);
  await asked.promise;
  const second = await browser.open(site.url);
  await signIn(second, bob?.key as string);
  const waiting = (): Promise<number> => second.evaluate("navigator.locks.query().then(({ pending }) => pending.length)");
  await expect.poll(waiting, PATIENCE).toBe(1);
  open.resolve();
  for (const page of [first, second]) await says(page, "live");
  const own: number[] = [];
  for (const one of [ann, bob]) own.push((await site.ask("POST", "/events", { type: "note", data: 1 }, one?.key)).sequence);
  for (const [n, page] of [first, second].entries())
    await expect.poll(async () => (await shown(page)).filter((sequence) => own.includes(sequence)), PATIENCE).toEqual([own[n]]);
});

test("[page.5] a server that is busy is waited for as long as it says, and the page says that it waits", async () => {
  await using site = await KeyedSite.open({ limits: { callsPerSecond: 2 } });
  const { key } = await site.makeKey("ann", ["events:read", "workflows:read"]);
  await using browser = await browsing();
  await browser.context.addInitScript(`
    globalThis.waited = new Set();
    addEventListener("DOMContentLoaded", () => {
      const waiting = document.getElementById("waiting");
      new MutationObserver(() => waited.add(waiting.textContent)).observe(waiting, { childList: true, characterData: true, subtree: true });
    });`);
  const page = await browser.open(site.url);
  await signIn(page, key);
  await says(page, "live");
  expect(await page.evaluate("[...waited]")).toContain("The server asks to wait a moment.");
  expect(await page.locator("#waiting").textContent()).toBe("");
  expect(await page.locator("#events .mark").count()).toBe(0);
});

test("[page.5] a stream for which the server has no room yet is opened when it has", async () => {
  await using site = await KeyedSite.open({ limits: { streams: 1 } });
  const { key } = await site.makeKey("ann", ["events:read", "workflows:read"]);
  await using browser = await browsing();
  const taken = await Stream.open(`${site.url}/events/stream`, { authorization: `Bearer ${key}` });
  const page = await browser.open(site.url);
  await signIn(page, key);
  await page.locator("#waiting", { hasText: "The server asks to wait 5 s." }).waitFor(PATIENCE);
  await taken[Symbol.asyncDispose]();
  await says(page, /back, nothing missed|live/);
});
