// Addresses are relative, so that the page works under any path.

/** A problem+json answer, or an answer that never came (status 0). */
export class Problem extends Error {
  constructor(status, body) {
    // The detail of an answer with faults repeats them.
    super((body.faults === undefined ? body.detail : undefined) ?? body.title ?? `The server answered ${status}.`);
    this.status = status;
    this.body = body;
  }
}

export function address(path, query = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") url.searchParams.set(name, value);
  url.hash = "";
  return url.href;
}

export function get(path, query) {
  return request(address(path, query), { headers: { accept: "application/json" } });
}

export function post(path, query, body) {
  return send("POST", address(path, query), body, "application/json");
}

/** @param body a JSON Merge Patch. */
export function patch(path, body) {
  return send("PATCH", address(path), body, "application/merge-patch+json");
}

function send(method, url, body, type) {
  return request(url, { method, headers: { accept: "application/json", "content-type": type }, body: JSON.stringify(body) });
}

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch {
    throw new Problem(0, { title: "The server did not answer." });
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, body);
  return body;
}
