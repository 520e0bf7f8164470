import { NexusError } from "../../errors.ts";

/** Larger than anything that fits the limits of inputs, data and metadata. */
export const BODY_BYTES: number = 1024 * 1024;

/**
 * Reads a JSON object; no body at all is an empty one.
 *
 * @throws BODY_TOO_LARGE · BODY_INVALID for what is not UTF-8 JSON, or no object.
 */
export async function readBody(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  const value = parseJson(bytes);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new NexusError("BODY_INVALID", { reason: "it is not a JSON object" });
  return value as Readonly<Record<string, unknown>>;
}

/** @throws BODY_TOO_LARGE · BODY_INVALID when it broke off. */
export async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > BODY_BYTES) throw new NexusError("BODY_TOO_LARGE", { limit: BODY_BYTES });
  return request.body === null ? new Uint8Array() : await readAll(request.body);
}

/** @throws BODY_INVALID for what is not UTF-8 JSON. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new NexusError("BODY_INVALID", { reason: (cause as Error).message }, { cause });
  }
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      size += chunk.length;
      if (size > BODY_BYTES) throw new NexusError("BODY_TOO_LARGE", { limit: BODY_BYTES });
      chunks.push(chunk);
    }
  } catch (cause) {
    // A client that is gone in the middle of its body is nothing that the server did wrong.
    throw NexusError.is(cause) ? cause : new NexusError("BODY_INVALID", { reason: "it broke off" }, { cause });
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new NexusError("BODY_INVALID", { reason: "it is not UTF-8" }, { cause });
  }
}
