import type { SendMailOptions, Transporter } from "nodemailer";
import { FatalError, NexusError } from "../errors.ts";
import { decoded, oneLine, withoutSecrets } from "./text.ts";

const SHOWN_CHARACTERS = 300;
/** Silence after which a server is taken for gone; each is far above what a healthy one needs. */
const TIMEOUTS = { connectionTimeout: 20_000, greetingTimeout: 20_000, dnsTimeout: 20_000, socketTimeout: 60_000 };

/** Sends mails over connections that it keeps. */
export interface Mailer {
  /**
   * Resolves when the server has taken it for every recipient.
   *
   * @throws FatalError when it is refused for good (SMTP 5xx) · Error when it may get better · the signal's reason.
   */
  readonly send: (mail: SendMailOptions, signal: AbortSignal) => Promise<void>;
  /** Closes its connections; the next mail would open one again. */
  readonly close: () => Promise<void>;
}

interface SmtpError extends Error {
  readonly code?: string;
  readonly responseCode?: number;
}

/** @throws OPTION_INVALID; it does not show the password. */
export function mailer(smtp: string | object): Mailer {
  const options = optionsOf(smtp);
  const clean = withoutSecrets(secretsOf(options));
  let transport: Promise<Transporter> | undefined;
  return {
    send: async (mail, signal) => {
      signal.throwIfAborted();
      transport ??= open(options);
      try {
        const { rejectedErrors = [] } = (await (await transport).sendMail({ ...mail, signal })) as {
          readonly rejectedErrors?: readonly SmtpError[];
        };
        // Some took it, some did not: nobody is to believe that all have it.
        const refused = rejectedErrors.find((error) => !isFinal(error)) ?? rejectedErrors[0];
        if (refused !== undefined) throw refused;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw failureOf(error as SmtpError, clean);
      }
    },
    close: async () => {
      const open = transport;
      transport = undefined;
      // By force: whoever closes waits for no delivery any more.
      ((await open) as (Transporter & { close(options: { readonly force: boolean }): void }) | undefined)?.close({ force: true });
    },
  };
}

async function open(options: object): Promise<Transporter> {
  // Only now: whoever sends no mail does not load it.
  const { createTransport } = await import("nodemailer");
  return createTransport({
    ...TIMEOUTS,
    ...options,
    pool: true,
    // A kept connection that the server closed meanwhile is replaced once; what else fails is the consumer's to repeat.
    maxRequeues: 1,
    // A mail is text that is given: nothing in it names a file or an address to read.
    disableFileAccess: true,
    disableUrlAccess: true,
  } as object);
}

function optionsOf(smtp: unknown): object {
  if (typeof smtp === "string" && /^smtps?:\/\/[^/]/i.test(smtp) && URL.canParse(smtp)) return { url: smtp };
  if (typeof smtp === "object" && smtp !== null) return smtp;
  throw new NexusError("OPTION_INVALID", {
    option: "smtp",
    reason: "it is neither a URL that begins with smtp:// or smtps:// nor options for Nodemailer",
  });
}

/** What a server could echo: passwords and tokens, also as they are sent. */
function secretsOf(options: { readonly url?: unknown; readonly auth?: object }): readonly string[] {
  const { username = "", password = "" } = typeof options.url === "string" ? new URL(options.url) : {};
  const { type: _type, user = username, method: _method, ...auth } = { ...options.auth } as Record<string, unknown>;
  const secrets = [decoded(password), ...Object.values(auth)].filter((value) => typeof value === "string");
  const name = decoded(String(user));
  return secrets.flatMap((secret) => [secret, base64(secret), base64(`\u0000${name}\u0000${secret}`)]);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function failureOf(error: SmtpError, clean: (text: string) => string): Error {
  const message = oneLine(clean(error.message), SHOWN_CHARACTERS);
  return isFinal(error) ? new FatalError(message) : Object.assign(new Error(message), error.code !== undefined && { code: error.code });
}

/** Of the final answers, 503 says that the dialogue went wrong, not the mail. @see RFC 5321, section 4.2.1 */
function isFinal({ responseCode: status = 0 }: SmtpError): boolean {
  return status >= 500 && status !== 503;
}
