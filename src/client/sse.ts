/** One frame of an event stream. */
export interface SseFrame {
  /** The `event:` field; "message" without one. */
  readonly event: string;
  readonly data: string;
  readonly id?: string;
  /** A `retry:` field that came with it or before it. */
  readonly retryMs?: number;
}

/** Reads the frames of a response body; a frame that the end cuts off is dropped. */
export async function* sseFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SseFrame, void> {
  const decoder = new TextDecoder();
  const parse = sseParser();
  for await (const chunk of chunks) yield* parse(decoder.decode(chunk, { stream: true }));
}

/**
 * Reads frames from text that comes in pieces.
 *
 * @returns a function that takes the next piece and gives the frames that end in it.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function sseParser(): (text: string) => SseFrame[] {
  /** The line that has not ended, and a CR behind it, which may be half of a CRLF: it waits for what follows. */
  let rest = "";
  let halfBreak = "";
  let data: string[] = [];
  let event = "";
  let id: string | undefined;
  let retryMs: number | undefined;

  const field = (line: string): void => {
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") data.push(value);
    else if (name === "event") event = value;
    else if (name === "id" && !value.includes("\0")) id = value;
    else if (name === "retry" && /^\d+$/.test(value)) retryMs = Number(value);
  };
  const end = (): SseFrame | undefined => {
    const frame = {
      event: event || "message",
      data: data.join("\n"),
      ...(id !== undefined && { id }),
      ...(retryMs !== undefined && { retryMs }),
    };
    const empty = data.length === 0;
    data = [];
    event = "";
    id = undefined;
    if (empty) return undefined;
    retryMs = undefined;
    return frame;
  };

  return (text) => {
    const frames: SseFrame[] = [];
    // Only what is new is looked through: a long line may come in many pieces.
    const lines = (halfBreak + text).split(/\r\n|\n|\r(?!$)/);
    const last = lines.pop() ?? "";
    halfBreak = last.endsWith("\r") ? "\r" : "";
    const begun = last.slice(0, last.length - halfBreak.length);
    if (lines.length === 0) rest += begun;
    else {
      lines[0] = rest + lines[0];
      rest = begun;
    }
    for (const line of lines) {
      if (line !== "") field(line);
      else {
        const frame = end();
        if (frame !== undefined) frames.push(frame);
      }
    }
    return frames;
  };
}
