import { NexusError } from "../errors.ts";
import type { Cursor, NexusEvent } from "../events/event.ts";
import { recordedEvent } from "../events/recorded-event.ts";
import type { Link, LinkReader } from "./link.ts";
import { lossOf, type Resume } from "./loss.ts";

/** `for await` it; leaving the loop closes it. */
export interface RemoteSubscription extends AsyncIterable<NexusEvent>, AsyncDisposable {
  readonly ready: Promise<void>;
  readonly cursor: Cursor;
}

export interface ReaderOptions {
  readonly filter: object;
  /** A cursor, or a word for a place. */
  readonly after: string;
  readonly onLoss?: "earliest" | undefined;
  /** End it quietly. */
  readonly signals: readonly AbortSignal[];
  /** The last event, if there is to be one. */
  readonly until?: (event: NexusEvent) => boolean;
  readonly known?: boolean;
}

interface Held {
  /** Absent: a place that was reached without a match. */
  readonly event?: NexusEvent;
  readonly cursor: Cursor;
  readonly size: number;
}

/** A WebSocket cannot be read slower than it comes. A loop that falls so far behind (in characters) lets go, reads what it has, and then asks for more. */
const ROOM = 1024 * 1024;

/** Subscribes, at once. */
export function remoteSubscription(link: Link, options: ReaderOptions): RemoteSubscription {
  const reader = new Reader(link, options);
  const reading = reader.read();
  return {
    get ready() {
      return reader.ready;
    },
    get cursor() {
      return reader.cursor;
    },
    [Symbol.asyncIterator]: () => reading,
    [Symbol.asyncDispose]: async () => {
      reader.close();
      await reading.return();
    },
  };
}

class Reader implements LinkReader {
  readonly filter: object;
  readonly onLoss: "earliest" | undefined;
  readonly known: boolean;
  readonly ready: Promise<void>;
  readonly #link: Link;
  readonly #signal: AbortSignal;
  readonly #until: ((event: NexusEvent) => boolean) | undefined;
  readonly #held: Held[] = [];
  #heldSize = 0;
  #after: string;
  #cursor: Cursor;
  #state: "live" | "paused" | "ended" = "live";
  #error: unknown;
  #isReady: () => void = () => {};
  #isNotReady: (error: unknown) => void = () => {};
  #wake: () => void = () => {};

  constructor(link: Link, { filter, after, onLoss, signals, until, known = false }: ReaderOptions) {
    this.filter = filter;
    this.onLoss = onLoss;
    this.known = known;
    this.#link = link;
    this.#until = until;
    this.#after = after;
    this.#cursor = after;
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#isNotReady = reject;
    });
    this.ready.catch(() => {}); // Whoever reads hears of it; `ready` may go unread.
    this.#signal = AbortSignal.any([...signals]);
    this.#signal.addEventListener("abort", this.close);
    if (this.#signal.aborted) this.close();
    else link.add(this);
  }

  /** Where the loop is. */
  get cursor(): Cursor {
    return this.#cursor;
  }

  /** What the server is to send next. */
  get after(): string {
    return this.#after;
  }

  resumed(resume: Resume): void {
    if (!resume.recovered && (this.onLoss === undefined || resume.reason === "invalid")) {
      this.#link.remove(this);
      return this.failed(lossOf(resume));
    }
    this.#hold({ cursor: resume.from, size: 0 });
    this.#isReady();
  }

  event(event: NexusEvent, size: number): void {
    this.#hold({ event: recordedEvent(event, event.cursor), cursor: event.cursor, size });
    if (this.#heldSize < ROOM) return;
    this.#state = "paused";
    this.#link.remove(this);
  }

  checkpoint(cursor: Cursor): void {
    if (this.#held.at(-1)?.event === undefined) this.#held.pop();
    this.#hold({ cursor, size: 0 });
  }

  failed(error: unknown): void {
    this.#error = error;
    this.#end(error);
  }

  readonly close = (): void => {
    this.#held.length = 0;
    this.#end(this.#signal.reason ?? new NexusError("CLIENT_CLOSED", {}));
  };

  async *read(): AsyncGenerator<NexusEvent, void> {
    try {
      for (;;) {
        const next = this.#held.shift();
        if (next !== undefined) {
          this.#heldSize -= next.size;
          this.#cursor = next.cursor;
          if (next.event === undefined) continue;
          yield next.event;
          if (this.#until?.(next.event) === true) return;
        } else if (this.#state === "ended") {
          if (this.#error !== undefined) throw this.#error as Error;
          return;
        } else await this.#more();
      }
    } finally {
      this.close();
    }
  }

  #more(): Promise<void> {
    const more = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (this.#state === "paused") {
      this.#state = "live";
      this.#link.add(this);
    }
    return more;
  }

  #hold(held: Held): void {
    this.#held.push(held);
    this.#heldSize += held.size;
    this.#after = held.cursor;
    this.#wake();
  }

  #end(reason: unknown): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#signal.removeEventListener("abort", this.close);
    this.#link.remove(this);
    this.#isNotReady(reason);
    this.#wake();
  }
}
