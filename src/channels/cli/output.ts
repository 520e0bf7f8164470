import { once } from "node:events";
import type { Writable } from "node:stream";
import { styleText } from "node:util";
import { cut } from "./safe-text.ts";

type Style = Parameters<typeof styleText>[0];
type Stream = typeof process.stdout | typeof process.stderr;

/** Writes a result: standard output, where nothing else goes. Resolves when there is room for more. */
export async function print(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain");
}

/** Resolves when what was written is out, or has no chance to get out in a moment: nobody reads. */
export function flushed(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 500);
    if (output.destroyed) resolve();
    else output.write("", () => resolve());
  });
}

/** Writes what is said beside the result: standard error. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Coloured where the stream is a terminal that shows colours, and NO_COLOR is not set. */
export function paint(style: Style, text: string, stream: Stream = process.stderr): string {
  return styleText(style, text, { stream });
}

/** Whether lines can be rewritten there. */
export function onTerminal(stream: Stream): boolean {
  return stream.isTTY && process.env.TERM !== "dumb";
}

/** The last line of a terminal, rewritten in place; anywhere else it is not there. */
export interface StatusLine {
  /** Whether it is shown at all. */
  readonly live: boolean;
  /** Shows this text, or nothing. No colours: it is cut to the terminal's width. */
  set(text?: string): void;
  /** Writes a line that stays, above it. */
  say(line: string): void;
}

export function statusLine(stream: Stream = process.stderr): StatusLine {
  const live = onTerminal(stream);
  let shown = "";
  return {
    live,
    set: (text = "") => {
      if (!live || text === shown) return;
      shown = text;
      stream.write(`\r\x1b[K${cut(text, (stream.columns || 80) - 1)}`);
    },
    say: (line) => {
      if (shown === "") stream.write(`${line}\n`);
      else stream.write(`\r\x1b[K${line}\n${cut(shown, (stream.columns || 80) - 1)}`);
    },
  };
}

/**
 * What becomes of the process when nobody reads its output any more, as after `| head`.
 *
 * @param then "end": it ends, quietly; "ignore": it goes on, its words are lost.
 */
export function whenOutputCloses(then: "end" | "ignore"): void {
  process.stdout.removeAllListeners("error").on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    if (then === "end") process.exit();
  });
  process.stderr.removeAllListeners("error").on("error", () => {});
}
