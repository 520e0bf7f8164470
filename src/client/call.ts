import { errorOf, NexusError, type Problem } from "../errors.ts";

type Headers = Readonly<Record<string, string>>;
type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Where a server is, and what goes with every call to it. */
export interface Connection {
  /** Ends with a slash: paths are resolved below it. */
  readonly url: URL;
  readonly headers: () => Headers | Promise<Headers>;
  readonly fetch: typeof fetch;
}

/** The address of a server's root as `Connection` has it. */
export function rootOf(url: string): URL {
  return new URL(url.endsWith("/") ? url : `${url}/`);
}

/** An absent value is left out; of an array, each value is sent. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export interface CallOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The session that the call is made in. */
  readonly session?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes one call, and reads the JSON of its answer.
 *
 * @param path below the server's address, without a leading slash; each segment encoded.
 * @throws the NexusError that the server answers with; SERVER_UNREACHABLE when nothing answers; PROTOCOL_INVALID when something else does.
 */
export async function call<Answer>(connection: Connection, method: Method, path: string, options: CallOptions = {}): Promise<Answer> {
  const response = await send(connection, method, path, "application/json", options);
  try {
    return (await response.json()) as Answer;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error instanceof SyntaxError ? notNexus(connection, response) : unreachable(connection, error);
  }
}

/** Sends a request. @returns the answer, unread, when it is a good one. @throws as `call` does. */
export async function send(connection: Connection, method: Method, path: string, accept: string, options: CallOptions): Promise<Response> {
  const url = new URL(path, connection.url);
  for (const [name, value] of Object.entries(options.query ?? {})) {
    for (const item of Array.isArray(value) ? (value as readonly string[]) : [value])
      if (item !== undefined) url.searchParams.append(name, String(item));
  }
  const headers: Record<string, string> = { ...(await connection.headers()), accept };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.session !== undefined) headers["nexus-session"] = options.session;
  let response: Response;
  try {
    response = await connection.fetch(url, {
      method,
      headers,
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      ...(options.signal !== undefined && { signal: options.signal }),
    });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw unreachable(connection, error);
  }
  if (!response.ok) {
    const error = await errorIn(connection, response);
    options.signal?.throwIfAborted();
    throw error;
  }
  return response;
}

/** The error for a connection that could not be made, or broke. */
export function unreachable(connection: Connection, cause?: unknown): NexusError {
  const url = addressOf(connection);
  const code = codeOf(cause);
  return new NexusError(
    "SERVER_UNREACHABLE",
    { url },
    { cause, detail: `No server answers at ${url}${code === undefined ? "" : ` (${code})`}.` },
  );
}

/** The error that an answer tells of. */
export async function errorIn(connection: Connection, response: Response): Promise<NexusError> {
  try {
    const problem = await problemIn(response);
    if (problem !== undefined) return errorOf(problem);
  } catch (error) {
    // The answer broke off: what it was going to say nobody knows.
    if (!(error instanceof SyntaxError)) return unreachable(connection, error);
  }
  // What a proxy answers while the server behind it is away.
  if (response.status >= 502 && response.status <= 504) return unreachable(connection, { code: `HTTP ${response.status}` });
  return notNexus(connection, response);
}

/** @throws SyntaxError for what is no JSON, and whatever `fetch` throws when the connection breaks. */
async function problemIn(response: Response): Promise<Problem | undefined> {
  if (!typeOf(response).startsWith("application/problem+json")) return undefined;
  const body: unknown = await response.json();
  return typeof body === "object" && body !== null && typeof (body as Problem).code === "string" ? (body as Problem) : undefined;
}

/** The error for an answer that no Nexus server gives. */
export function notNexus(connection: Connection, response: Response): NexusError {
  const reason = `${addressOf(connection)} answers ${response.status} ${typeOf(response)}, not as a Nexus server does`;
  return new NexusError("PROTOCOL_INVALID", { reason }, { detail: `${reason}.` });
}

function typeOf(response: Response): string {
  return response.headers.get("content-type") ?? "without a type";
}

function addressOf(connection: Connection): string {
  return connection.url.href.replace(/\/$/, "");
}

/** What the platform calls the failure. `fetch` puts it in the cause, and in several when a name has several addresses. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, cause, errors } = error as { code?: unknown; cause?: { readonly message?: string }; errors?: readonly unknown[] };
  return codeOf(cause) ?? codeOf(errors?.[0]) ?? (typeof code === "string" ? code : cause?.message);
}
