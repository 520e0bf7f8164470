import { streamOf } from "../../events/built-in.ts";
import type { IndexedField } from "../../events/filter.ts";
import type { EventRows } from "./event-rows.ts";
import type { Matches } from "./matches.ts";

export interface StreamHead {
  readonly id: string;
  readonly sequence: number;
}

const REMEMBERED = 10_000;

/** The last event of each stream: remembered for those used last, looked up for others. */
export class StreamHeads {
  readonly #matches: Matches;
  readonly #rows: EventRows;
  readonly #heads = new Map<string, StreamHead>();

  constructor(matches: Matches, rows: EventRows) {
    this.#matches = matches;
    this.#rows = rows;
  }

  set(stream: string, head: StreamHead): void {
    // A Map keeps the order of insertion: whoever comes first has been silent the longest.
    this.#heads.delete(stream);
    this.#heads.set(stream, head);
    if (this.#heads.size <= REMEMBERED) return;
    for (const [oldest] of this.#heads) {
      this.#heads.delete(oldest);
      return;
    }
  }

  /** The last event of the stream among those from `first` to `last`, which are all that the log holds. */
  last(stream: string, first: number, last: number): StreamHead | undefined {
    const known = this.#heads.get(stream);
    if (known !== undefined) return known.sequence >= first ? known : undefined;
    const found = stream === "app" ? this.#scan(first, last) : this.#search(stream, first, last);
    if (found === undefined) return undefined;
    // Not the event itself: its data would be remembered with it.
    const head = { id: found.id, sequence: found.sequence };
    this.set(stream, head);
    return head;
  }

  #search(stream: string, first: number, last: number): StreamHead | undefined {
    const id = stream.slice(stream.indexOf("/") + 1);
    const fields: ReadonlyMap<IndexedField, readonly string[]> = stream.startsWith("runs/")
      ? new Map([
          ["runId", [id]],
          ["type", ["workflow.*", "step.*"]],
        ])
      : new Map([
          ["sessionId", [id]],
          ["type", ["session.*"]],
        ]);
    for (const sequence of this.#matches.find({ fields }, first, last, "desc") ?? []) {
      const event = this.#rows.at(sequence);
      // A few types of these are of another stream (workflow.registered).
      if (event !== undefined && streamOf(event) === stream) return event;
    }
    return undefined;
  }

  /** Most events of most logs are of this stream, or it is never asked for. */
  #scan(first: number, last: number): StreamHead | undefined {
    for (const match of this.#rows.range(first, last, "desc")) {
      const event = match.event();
      if (streamOf(event) === "app") return event;
    }
    return undefined;
  }
}
