import { NexusError } from "../errors.ts";

/** What went wrong with a post: for whoever chose the target, and is to learn nothing of it but that. */
export type PostFailure = "connection_refused" | "timeout" | "tls_error" | "http_4xx" | "http_5xx";

/** As OpenSSL and Node name what is wrong with a certificate, and with a handshake. */
const TLS = /CERT|SIGNATURE|INVALID_CA|HOSTNAME_MISMATCH|^ERR_(?:TLS|SSL)_|^EPROTO$/;

/** @param error what a post threw, or an error that it caused. */
export function postFailure(error: unknown): PostFailure {
  const status = statusOf(error);
  if (status !== undefined) return status >= 500 ? "http_5xx" : "http_4xx";
  const { code = "" } = error as { readonly code?: string };
  if (NexusError.is(error, "DELIVERY_TIMEOUT") || code === "ETIMEDOUT") return "timeout";
  return TLS.test(code) ? "tls_error" : "connection_refused";
}

/** The status that the target answered with, if it did. */
export function statusOf(error: unknown): number | undefined {
  const { status, cause } = error as { readonly status?: number; readonly cause?: { readonly status?: number } };
  return status ?? cause?.status;
}
