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
  return request(address(path, query), {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify(body),
  });
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
