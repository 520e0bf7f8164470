import { createHash } from "node:crypto";
import { NexusError } from "../errors.ts";
import type { NexusEvent } from "../events/event.ts";
import { checkFunction, checkSinkOptions } from "./options.ts";
import type { Sink } from "./sink.ts";
import { type Mailer, mailer } from "./smtp.ts";
import { facts, headline } from "./summary.ts";
import { oneLine } from "./text.ts";

const SUBJECT_CHARACTERS = 200;

/**
 * Sends each event as a mail over SMTP.
 *
 * @param options.smtp a URL (`smtps://user:password@host`), or Nodemailer's options.
 * @param options.subject is made one line, without control characters, of at most 200.
 * @throws OPTION_INVALID · OPTION_UNSUPPORTED
 * @see docs/email.md
 */
export function email<E = NexusEvent>(options: {
  readonly smtp: string | object;
  readonly from: string;
  readonly to: string | readonly string[];
  readonly subject?: (event: E) => string;
  readonly text?: (event: E) => string;
}): Sink<E> {
  checkSinkOptions("email", options, ["smtp", "from", "to", "subject", "text"]);
  checkFunction("subject", options.subject);
  checkFunction("text", options.text);
  const from = address("from", options.from);
  const to = [options.to].flat().map((one) => address("to", one));
  if (to.length === 0) throw new NexusError("OPTION_INVALID", { option: "to", reason: "it names nobody" });
  const { subject = (event: E) => defaultSubject(event as NexusEvent), text = (event: E) => defaultText(event as NexusEvent) } = options;
  const mails: Mailer = mailer(options.smtp);
  return {
    name: "email",
    deliver: async (event, { idempotencyKey, signal }) => {
      const mail = {
        from,
        to,
        subject: oneLine(String(subject(event)), SUBJECT_CHARACTERS),
        text: String(text(event)),
        messageId: messageIdOf(idempotencyKey, from),
        date: new Date((event as NexusEvent).timestamp),
        // So that no holiday notice answers it. See RFC 3834.
        headers: { "Auto-Submitted": "auto-generated" },
      };
      await mails.send(mail, signal);
    },
    close: () => mails.close(),
  };
}

/** The same for every try, so that a mail system can drop what it has already. */
function messageIdOf(idempotencyKey: string, from: string): string {
  const [domain = "nexus.invalid"] = /[A-Za-z0-9.-]+(?=>?\s*$)/.exec(from) ?? [];
  return `<${createHash("sha256").update(idempotencyKey).digest("hex").slice(0, 40)}@${domain}>`;
}

function defaultSubject(event: NexusEvent): string {
  return event.type === "workflow.failed" ? `Workflow Failure: ${event.workflowName}` : headline(event);
}

function defaultText(event: NexusEvent): string {
  const lines: readonly (readonly [string, string | undefined])[] = [
    ["Workflow", event.workflowName],
    ...facts(event),
    ["Time", new Date(event.timestamp).toISOString()],
    ["User", event.userId],
    ["Session", event.sessionId],
    ["Run", event.runId],
    ["Event", event.id],
  ];
  return `${headline(event)}\n\n${lines.flatMap(([title, value]) => (value === undefined ? [] : [`${title}: ${value}\n`])).join("")}`;
}

function address(option: string, value: unknown): string {
  if (typeof value !== "string" || !/@[^@\s]+$/.test(value) || /\p{Cc}/u.test(value))
    throw new NexusError("OPTION_INVALID", { option, reason: "it is no mail address" });
  return value;
}
