import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};
const FILE = /^[a-z][a-z0-9-]*\.(html|js|css|svg)$/;
/** Nothing but files and answers of this server: no inline script or style, no text that becomes markup or code, no form that goes anywhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // No window that this one did not open has a hold on it, and no other site can embed its files.
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-cache",
};

/**
 * What the page is made of; `undefined` for any other request.
 *
 * It is the same in every app and says nothing of one, so it is there for whoever asks: also for those who have yet to sign in.
 *
 * @param basePath what stands before the site's paths.
 */
export async function pageAnswer(request: Request, basePath: string): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  if ((request.method !== "GET" && request.method !== "HEAD") || !pathname.startsWith(basePath)) return undefined;
  const path = pathname.slice(basePath.length);
  // Under a path of another server, what the page names is found only behind its slash.
  if (path === "" && basePath !== "") return new Response(null, { status: 302, headers: { location: `${basePath}/` } });
  const file = path.startsWith("/") ? await pageFile(path.slice(1) || "index.html") : undefined;
  return file !== undefined && request.method === "HEAD" ? new Response(null, file) : file;
}

async function pageFile(name: string): Promise<Response | undefined> {
  const match = FILE.exec(name);
  if (match === null || FOLDER === undefined) return undefined;
  const content = await readFile(join(FOLDER, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (content === undefined) return undefined;
  return new Response(new Uint8Array(content), { headers: { "content-type": TYPES[match[1] as string] as string, ...HEADERS } });
}

/** The package's `dashboard`, seen from the sources as from what is built of them; found once. */
const FOLDER = [1, 2, 3, 4]
  .map((up) => join(import.meta.dirname, ...Array<string>(up).fill(".."), "dashboard"))
  .find((folder) => existsSync(join(folder, "index.html")));
