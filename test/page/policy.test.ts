import { expect, test, vi } from "vitest";
import { serve } from "../http/fixtures/site.ts";
import { WORKFLOWS } from "../http/fixtures/workflows.ts";
import { browsing, PATIENCE } from "./browser.ts";
import { elsewhere } from "./elsewhere.ts";

vi.setConfig({ testTimeout: 120_000 });

test("[page.1] each file of the page comes with the whole policy, on its own and under a path of another server", async () => {
  await using site = await serve();
  const mounted = site.app.handler({ basePath: "/in/side" });
  for (const file of ["", "index.html", "page.js", "page.css", "icon.svg"]) {
    const answers = [await fetch(`${site.url}/${file}`), await mounted(new Request(`${site.url}/in/side/${file}`))];
    for (const { status, headers } of answers) {
      expect([status, Object.fromEntries(headers)]).toMatchObject([
        200,
        {
          "content-security-policy":
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
            "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
          "x-content-type-options": "nosniff",
          "referrer-policy": "no-referrer",
          "cross-origin-opener-policy": "same-origin",
          "cross-origin-resource-policy": "same-origin",
        },
      ]);
    }
  }
});

test("[page.1] the whole page is used without breaking its policy, and without a word on the console, in Chromium", async () => {
  await using site = await serve({ workflows: WORKFLOWS });
  await using browser = await browsing();
  const page = await browser.live(site.url);
  await page.locator("#workflows summary", { hasText: "double" }).click();
  await page.getByLabel("n", { exact: true }).fill("4");
  await page.getByRole("button", { name: "Run double" }).click();
  await page.locator("#run pre", { hasText: '"doubled": 8' }).waitFor(PATIENCE);
  await page.getByRole("button", { name: "New session" }).click();
  await page.getByLabel("Changes to the session, as JSON").fill('{"theme": "dark"}');
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.locator("#session pre", { hasText: "dark" }).waitFor(PATIENCE);
  await page.getByLabel("Types").fill("session.*");
  await page.locator("#events summary", { hasText: "session.updated" }).click();
  await page.locator("#events pre").waitFor(PATIENCE);
  expect([browser.violations, browser.complaints]).toEqual([[], []]);

  expect(browser.requests.filter((url) => !url.startsWith(site.url))).toEqual([]);
});

test("[page.1] markup that got into the page runs nothing and asks nobody for anything, in Chromium", async () => {
  await using site = await serve();
  await using other = await elsewhere();
  await using browser = await browsing();
  const tells = "globalThis.ran = true";
  const markup = `
    <script>${tells}</script> <script src="${other.url}/script"></script> <script src="data:text/javascript,${tells}"></script>
    <img src="${other.url}/image" onerror="${tells}"> <img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" onload="${tells}">
    <style>body { background: url(${other.url}/background) }</style> <link rel="stylesheet" href="${other.url}/sheet">
    <p style="background: url(${other.url}/inline)"></p> <iframe src="${other.url}/frame"></iframe> <iframe srcdoc="<p>"></iframe>
    <object data="${other.url}/object"></object> <embed src="${other.url}/embed"> <video src="${other.url}/video"></video>
    <base href="${other.url}"> <link rel="manifest" href="${other.url}/manifest"> <link rel="prefetch" href="${other.url}/prefetch">
    <svg onload="${tells}"><image href="${other.url}/svg" /></svg> <details open ontoggle="${tells}"></details>
    <form id="out" method="post" action="${other.url}/form"></form> <button form="out" id="go">go</button>`;
  await browser.context.route(`${site.url}/`, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace("<main", `${markup}<main`) });
  });
  const page = await browser.live(`${site.url}/`);
  await page.locator("#go").click({ noWaitAfter: true });

  const directives = [
    "base-uri",
    "form-action",
    "frame-src",
    "img-src",
    "media-src",
    "object-src",
    "script-src-attr",
    "script-src-elem",
    "style-src-attr",
    "style-src-elem",
  ];
  const broken = (): string[] => browser.violations.map((told) => told.split(" ", 1)[0] as string);
  await expect.poll(broken, PATIENCE).toEqual(expect.arrayContaining(directives));
  expect(await page.evaluate("[globalThis.ran, document.baseURI]")).toEqual([undefined, `${site.url}/`]);
  expect(other.asked).toEqual([]);
});

test("[page.1] code that got into the page makes no code or markup of a text, and asks nobody else, in Chromium", async () => {
  await using site = await serve();
  await using other = await elsewhere();
  await using browser = await browsing();
  const page = await browser.live(site.url);
  const tried = await page.evaluate<Record<string, string>>(`(async () => {
    // What is evaluated from outside may do more; what it has called later may not.
    await new Promise((resolve) => setTimeout(resolve));
    const elsewhere = ${JSON.stringify(other.url)};
    const outcome = {};
    const attempt = async (name, act) => {
      outcome[name] = await Promise.resolve().then(act).then(() => "done", (error) => error.name);
    };
    const made = (tag, properties) => Object.assign(document.createElement(tag), properties);
    await attempt("markup", () => { document.body.innerHTML += "<b>"; });
    await attempt("document", () => document.write("<b>"));
    await attempt("eval", () => (0, eval)("1"));
    await attempt("Function", () => new Function("return 1")());
    await attempt("timer", () => setTimeout("1"));
    await attempt("script", () => document.body.append(made("script", { text: "globalThis.ran = true" })));
    await attempt("source", () => document.body.append(made("script", { src: "data:text/javascript,ran=true" })));
    await attempt("attribute", () => document.body.setAttribute("onclick", "globalThis.ran = true"));
    await attempt("frame", () => made("iframe", { srcdoc: "<script>parent.ran = true</script>" }));
    await attempt("worker", () => new Worker("page.js"));
    await attempt("policy", () => trustedTypes.createPolicy("own", { createHTML: (text) => text }));
    await attempt("fetch", () => fetch(elsewhere + "/fetch"));
    await attempt("socket", () => new Promise((resolve, reject) => {
      const socket = new WebSocket(elsewhere.replace("http", "ws") + "/socket");
      socket.onopen = resolve;
      socket.onerror = () => reject(new TypeError());
    }));
    await attempt("stream", () => new Promise((resolve, reject) => {
      const stream = new EventSource(elsewhere + "/stream");
      stream.onopen = resolve;
      stream.onerror = () => reject(new TypeError());
    }));
    await attempt("image", () => new Promise((resolve, reject) => {
      document.body.append(made("img", { src: elsewhere + "/image", onload: resolve, onerror: () => reject(new TypeError()) }));
    }));
    navigator.sendBeacon(elsewhere + "/beacon");
    document.body.append(made("form", { id: "out", method: "post", action: elsewhere + "/form" }));
    document.getElementById("out").submit();
    return outcome;
  })()`);
  const { eval: evaluated, Function: made, ...others } = tried;
  expect([evaluated, made]).toEqual(["EvalError", "EvalError"]);
  expect(Object.entries(others).filter(([, outcome]) => outcome !== "TypeError")).toEqual([]);
  await expect.poll(() => browser.violations.map((told) => told.split(" ", 1)[0]), PATIENCE).toContain("form-action");
  expect(await page.evaluate("globalThis.ran")).toBe(undefined);
  expect(browser.violations).toContain(`connect-src ${other.url}/beacon`);
  expect(other.asked).toEqual([]);
});

test("[page.1] no page can show it in a frame, hold on to its window, or embed its files", async () => {
  await using site = await serve();
  const html = `<iframe src="${site.url}/"></iframe><img src="${site.url}/icon.svg">`;
  // The same host by another name is another origin.
  await using other = await elsewhere(html);
  await using browser = await browsing();
  const page = await browser.open(other.url.replace("127.0.0.1", "localhost"));
  await expect.poll(() => page.frames()[1]?.url(), PATIENCE).toBe("chrome-error://chromewebdata/");
  expect(await page.evaluate("document.querySelector('img').naturalWidth")).toBe(0);

  const opened = page.waitForEvent("popup");
  await page.evaluate(`void (globalThis.opened = open(${JSON.stringify(site.url)}))`);
  const popup = await opened;
  await popup.locator("#state", { hasText: "live" }).waitFor(PATIENCE);
  expect(await page.evaluate("opened.closed")).toBe(true);
  expect(await popup.evaluate("opener")).toBe(null);
});
