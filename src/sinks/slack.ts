import { targetOf } from "../access/targets.ts";
import { FatalError } from "../errors.ts";
import type { NexusEvent } from "../events/event.ts";
import { checkFunction, checkSinkOptions } from "./options.ts";
import { poster } from "./post.ts";
import type { Sink } from "./sink.ts";
import { facts, headline } from "./summary.ts";

const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/**
 * Posts each event to an incoming webhook of Slack, or of what takes the same.
 *
 * @param options.url is a secret: whoever has it can post. No error tells more of it than its host.
 * @param options.message the text, in which `& < >` are escaped; or a whole body, sent as it is.
 * @param options.allowLoopback also http and https to this machine.
 * @throws OPTION_INVALID · OPTION_UNSUPPORTED · TARGET_REFUSED
 * @see docs/slack.md
 */
export function slack<E = NexusEvent>(options: {
  readonly url: string;
  readonly message?: (event: E) => string | object;
  readonly allowLoopback?: boolean;
}): Sink<E> {
  checkSinkOptions("slack", options, ["url", "message", "allowLoopback"]);
  checkFunction("message", options.message);
  const { message = (event: E) => defaultMessage(event as NexusEvent) } = options;
  const { post, close } = poster(targetOf(options.url, { allowLoopback: options.allowLoopback === true }), []);
  return {
    name: "slack",
    deliver: async (event, { signal }) =>
      post(JSON.stringify(bodyOf(message(event))), { "content-type": "application/json; charset=utf-8" }, signal),
    close,
  };
}

function bodyOf(message: string | object): object {
  if (typeof message === "string") return { text: escaped(message) };
  if (typeof message !== "object" || message === null) throw new FatalError("`message` gave neither a text nor a body");
  return message;
}

function defaultMessage(event: NexusEvent): object {
  return {
    text: escaped(headline(event)),
    attachments: [{ fields: facts(event).map(([title, value]) => ({ title, value: escaped(value) })) }],
  };
}

/** Slack reads mentions and links out of `<…>`, which event data must not be able to make. @see Slack, "Formatting message text" */
function escaped(text: string): string {
  return text.replaceAll(/[&<>]/g, (found) => ESCAPES[found] ?? found);
}
