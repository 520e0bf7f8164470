import { createHmac } from "node:crypto";
import { NexusError } from "../errors.ts";

const PREFIX = "whsec_";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The headers that tell a receiver that a message is ours, unchanged and new.
 *
 * @param keys one signature is made with each: while a secret is replaced, the old and the new.
 * @param now milliseconds since the epoch; receivers refuse what is older than some minutes.
 * @see Standard Webhooks 1.0.0
 */
export function signatureHeaders(keys: readonly Buffer[], id: string, body: string, now: number): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(now / 1_000));
  const messageId = messageIdOf(id);
  const sign = (key: Buffer): string => `v1,${createHmac("sha256", key).update(`${messageId}.${timestamp}.${body}`).digest("base64")}`;
  return { "webhook-id": messageId, "webhook-timestamp": timestamp, "webhook-signature": keys.map(sign).join(" ") };
}

/** @throws OPTION_INVALID; it does not show the secret. */
export function signatureKeys(secret: string | readonly string[]): readonly Buffer[] {
  const secrets = typeof secret === "string" ? [secret] : secret;
  if (!Array.isArray(secrets) || secrets.length === 0) throw invalid("there is none");
  return secrets.map((text: unknown) => {
    if (typeof text !== "string" || !text.startsWith(PREFIX) || !BASE64.test(text.slice(PREFIX.length)))
      throw invalid("it is not whsec_ and base64; one can be made with `whsec_${randomBytes(32).toString('base64')}`");
    const key = Buffer.from(text.slice(PREFIX.length), "base64");
    if (key.length < 24 || key.length > 64) throw invalid(`it has ${key.length} bytes, not 24 to 64`);
    return key;
  });
}

/** An id fit for a header, and without a full stop: that is what parts it from the time in what is signed. */
function messageIdOf(id: string): string {
  return id
    .toWellFormed()
    .replaceAll(/[^\x21-\x7e]|[.,%]/gu, (found) =>
      [...Buffer.from(found)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
    );
}

function invalid(reason: string): NexusError {
  return new NexusError("OPTION_INVALID", { option: "secret", reason });
}
