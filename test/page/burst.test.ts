import type { Page } from "playwright-core";
import { expect, test, vi } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { double, WORKFLOWS } from "../http/fixtures/workflows.ts";
import { browsing, PATIENCE } from "./browser.ts";
import { says, shown } from "./keyed.ts";

vi.setConfig({ testTimeout: 240_000 });

const EVENTS = 10_000;
const AT_ONCE = 100;
/** Of the list of events. */
const ROWS = 200;

/** Keeps how many rows, and how many elements, there ever were; and which events the stream brought. */
const WATCH = `
  globalThis.most = { rows: 0, elements: 0 };
  globalThis.streamed = [];
  globalThis.EventSource = class extends EventSource {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => streamed.push(JSON.parse(data).sequence));
    }
  };
  addEventListener("DOMContentLoaded", () => {
    new MutationObserver(() => {
      most.rows = Math.max(most.rows, document.getElementById("events").childElementCount);
      most.elements = Math.max(most.elements, document.getElementsByTagName("*").length);
    }).observe(document.body, { childList: true, subtree: true });
  });`;

/** What somebody does with it meanwhile: each is done when the page shows it. */
async function use(page: Page): Promise<void> {
  const pause = page.locator("#pause");
  for (let round = 0; round < 3; round++) {
    await pause.click(PATIENCE);
    await page.locator('#pause[aria-pressed="true"]', { hasText: "200 or more" }).waitFor(PATIENCE);
    await pause.click(PATIENCE);
    await page.locator('#pause[aria-pressed="false"]').waitFor(PATIENCE);
    await page.locator("#types").fill(`burst.${round}`, PATIENCE);
    await page
      .locator("#events li .type", { hasText: `burst.${round}` })
      .first()
      .waitFor(PATIENCE);
    await page.locator("#types").fill("", PATIENCE);
    await page
      .locator("#events li .type", { hasText: `burst.${(round + 1) % 3}` })
      .first()
      .waitFor(PATIENCE);
  }
}

test("[page.7] while ten thousand events come at once the page can be used, keeps no more rows than it shows, and ends with the last one", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using browser = await browsing();
  await browser.context.addInitScript(WATCH);
  const page = await browser.live(site.url);

  let used = false;
  const inUse = use(page).finally(() => (used = true));
  // What fails there is told where it is waited for.
  inUse.catch(() => {});
  const sent: number[] = [];
  const emit = async (n: number): Promise<void> => {
    const event = [`burst.${n % 3}`, { n, text: "x".repeat(n % 200) }] as const;
    sent.push((await (n % 10 === 0 ? site.app.broadcastEvent(...event) : site.app.emitEvent(...event))).sequence);
  };
  const batch = async (): Promise<void> => {
    await site.app.startRun(double, { n: sent.length });
    await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => emit(sent.length + n)));
  };
  // It does not end before the page has been used in the midst of it.
  while (sent.length < EVENTS || !used) {
    await batch();
    // After that as fast as the page answers.
    if (sent.length >= EVENTS) await page.evaluate("streamed.length");
  }
  await inUse;
  // The list is read anew when a filter goes, and begins with less than it may have: it is filled again.
  let rows: readonly number[] = [];
  while (rows.length < ROWS) {
    await batch();
    const { sequence } = await site.app.emitEvent("burst.last", {});
    await expect.poll(async () => (await shown(page)).at(-1), PATIENCE).toBe(sequence);
    rows = await shown(page);
  }
  expect(rows).toEqual(rows.toSorted((one, other) => one - other));
  expect(rows).toHaveLength(ROWS);
  const streamed: number[] = await page.evaluate("streamed");
  const wanted = new Set(sent);
  expect(streamed.filter((each) => wanted.has(each))).toEqual(sent);
  const most: { rows: number; elements: number } = await page.evaluate("most");
  expect(most.rows).toBe(ROWS);
  expect(most.elements).toBeLessThan(4_000);
  await says(page, "live");
  expect([await page.locator("#events .mark").count(), browser.complaints]).toEqual([0, []]);
});
