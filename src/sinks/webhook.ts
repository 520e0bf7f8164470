import { targetOf } from "../access/targets.ts";
import { cloudEventOf } from "../events/cloudevents.ts";
import { checkSinkOptions } from "./options.ts";
import { poster } from "./post.ts";
import { signatureHeaders, signatureKeys } from "./signature.ts";
import type { Sink } from "./sink.ts";

/**
 * Posts each event as a CloudEvent with a Standard Webhooks signature; https to public addresses only, without redirects.
 *
 * @param options.secret `whsec_` and base64 of 24 to 64 bytes; several while one is replaced.
 * @param options.allowLoopback also http and https to this machine.
 * @throws OPTION_INVALID · OPTION_UNSUPPORTED · TARGET_REFUSED
 * @see docs/webhooks.md
 */
export function webhook(options: {
  readonly url: string;
  readonly secret: string | readonly string[];
  readonly allowLoopback?: boolean;
}): Sink {
  checkSinkOptions("webhook", options, ["url", "secret", "allowLoopback"]);
  const keys = signatureKeys(options.secret);
  const target = targetOf(options.url, { allowLoopback: options.allowLoopback === true });
  const { post, close } = poster(target, [options.secret].flat());
  return {
    name: "webhook",
    deliver: async (event, { idempotencyKey, signal }) => {
      const body = JSON.stringify(cloudEventOf(event));
      const headers = signatureHeaders(keys, idempotencyKey, body, Date.now());
      const trace = event.traceparent === undefined ? {} : { traceparent: event.traceparent };
      await post(body, { "content-type": "application/cloudevents+json; charset=utf-8", ...trace, ...headers }, signal);
    },
    close,
  };
}
