// Addresses are relative, so that the page works under any path.
import { authorization, forget, hasCredential, isStill } from "./credential.js";

/** What the server asks to wait for, before it has done anything: sent again, it is the same call. */
const WAITED_OUT = new Set(["RATE_LIMITED", "OVERLOADED"]);
/** After so long it is an error like another. */
const PATIENCE_MS = 60_000;

/** A problem+json answer, or an answer that never came (status 0). */
export class Problem extends Error {
  constructor(status, body) {
    super(messageOf(status, body));
    this.status = status;
    this.body = body;
  }
}

function messageOf(status, { code, scope, faults, detail, title }) {
  if (code === "FORBIDDEN" && scope !== undefined) return `Not allowed: this needs the scope ${scope}.`;
  // The detail of an answer with faults repeats them.
  return (faults === undefined ? detail : undefined) ?? title ?? `The server answered ${status}.`;
}

let heard = { refused: () => {}, waiting: () => {} };

/**
 * @param {{refused(problem: Problem, hadCredential: boolean): void, waiting(ms: number): void}} listeners `refused`: the server does not
 *   know who calls, or no more. `waiting`: it asks to wait so long; 0 when that is over.
 */
export function listen(listeners) {
  heard = listeners;
}

export function address(path, query = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") url.searchParams.set(name, value);
  url.hash = "";
  return url.href;
}

export function get(path, query) {
  return request(address(path, query), { headers: authorization() });
}

/** @param [as] a credential to be tried, in place of the page's. */
export function post(path, query, body, as) {
  return send("POST", address(path, query), { body, type: "application/json", as });
}

/** @param body a JSON Merge Patch. */
export function patch(path, body) {
  return send("PATCH", address(path), { body, type: "application/merge-patch+json" });
}

export function remove(path) {
  return request(address(path), { method: "DELETE", headers: authorization() });
}

/** Whether the server opens this stream: an EventSource does not tell why it does not. @throws {Problem} */
export async function tryStream(url) {
  const tried = new AbortController();
  await request(url, { headers: authorization(), signal: tried.signal, accept: "text/event-stream" });
  tried.abort();
}

function send(method, url, { body, type, as }) {
  return request(url, { method, headers: { ...authorization(as), "content-type": type }, body: JSON.stringify(body) });
}

async function request(url, { accept = "application/json", ...options }) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const { response, body } = await answer(url, { ...options, headers: { ...options.headers, accept } });
    if (response.ok) return body;
    const problem = new Problem(response.status, body);
    if (response.status === 401 && isStill(options.headers)) {
      const hadCredential = hasCredential();
      forget();
      heard.refused(problem, hadCredential);
    }
    const { code, retryAfterMs } = body;
    if (!WAITED_OUT.has(code) || !(Date.now() + retryAfterMs <= until)) throw problem;
    heard.waiting(retryAfterMs);
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
    heard.waiting(0);
  }
}

async function answer(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Problem(0, { title: "The server did not answer." });
  }
  const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
  return { response, body: isJson ? await response.json().catch(() => ({})) : {} };
}
