import { post, remove } from "./api.js";
import { hasCredential } from "./credential.js";

/** Says that this browser may hold a ticket: a cookie that no script can read, and that every tab sends. */
const HELD = `nexus-ticket ${new URL(".", document.baseURI).pathname}`;
const ANSWER_MS = 10_000;

/**
 * Opens a stream as whoever this page is. An EventSource can send no header, so a page with a credential gets a ticket for it each time.
 *
 * @param {(source: EventSource) => void} attach is given it before it can have said anything.
 * @returns when its ticket ends; `undefined` where it needs none.
 * @throws {import("./api.js").Problem}
 */
export async function openStream(url, attach) {
  if (!hasCredential()) {
    await dropTicket();
    attach(new EventSource(url));
    return undefined;
  }
  // The tabs have one ticket between them: until a stream is open, it must not become another's.
  return await alone(async () => {
    const { expiresAt } = await post("tickets", {}, {});
    if (expiresAt !== undefined) kept()?.setItem(HELD, "");
    const source = new EventSource(url);
    attach(source);
    await answered(source);
    return expiresAt;
  });
}

/** Whether the server lets somebody in by it: that is what a ticket takes. @throws {import("./api.js").Problem} */
export async function tryCredential(given) {
  await alone(() => post("tickets", {}, {}, given));
}

/** Whoever comes next is not to be taken for whoever had the ticket. */
export async function dropTicket() {
  if ((kept()?.getItem(HELD) ?? null) === null) return;
  await alone(() => remove("tickets"));
  kept()?.removeItem(HELD);
}

function answered(source) {
  if (source.readyState === EventSource.CLOSED) return undefined;
  return new Promise((resolve) => {
    source.addEventListener("open", resolve, { once: true });
    source.addEventListener("error", resolve, { once: true });
    setTimeout(resolve, ANSWER_MS);
  });
}

/** One tab at a time, where the browser can tell: on https, and on this machine. */
function alone(act) {
  return navigator.locks === undefined ? act() : navigator.locks.request("nexus-ticket", act);
}

/** Browsers can forbid it. */
function kept() {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}
