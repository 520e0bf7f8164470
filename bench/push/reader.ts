import { connect, type Socket } from "node:net";
import { clientFrame, type Handshake, requestText } from "./handshakes.ts";

/** `n` stands first in the data of every event (../event.ts), and in nothing else, whatever frames are around it. */
const MARK = Buffer.from('{"n":');
const TIME = Buffer.from(',"t":');

/**
 * A reader that costs as little as can be, so that the server is measured and not this: it looks for the number in each event, and that it is the next one.
 *
 * It decodes neither frames nor JSON; all contestants write the number in the same way.
 */
export class Reader {
  /** Events that came, in order and without a gap. */
  count = 0;
  bytes = 0;
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  readonly #onEvent: ((emittedAt: number) => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);

  /** @param onEvent is given when the event says that it was emitted. */
  constructor(port: number, handshake: Handshake, onEvent?: (emittedAt: number) => void) {
    this.#onEvent = onEvent;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.write(requestText(handshake, port));
    this.ready = this.#begin(handshake);
  }

  async #begin({ frames, ready }: Handshake): Promise<void> {
    let text = "";
    let switched = false;
    await new Promise<void>((resolve, reject) => {
      const greeted = (chunk: Buffer): void => {
        text += chunk.toString("latin1");
        if (!switched && text.includes("\r\n\r\n")) {
          switched = true;
          for (const frame of frames) this.#socket.write(clientFrame(frame));
        }
        if (!text.includes(ready)) return;
        this.#socket.off("data", greeted);
        this.#socket.on("data", (more) => this.#take(more));
        resolve();
      };
      this.#socket.on("data", greeted);
      this.#socket.on("error", reject);
      this.#socket.on("close", () => reject(new Error(`the server closed a connection, which began: ${text.slice(0, 500)}`)));
    });
  }

  #take(chunk: Buffer): void {
    this.bytes += chunk.length;
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let done = 0;
    let stride = 0;
    for (let at = data.indexOf(MARK); at >= 0; ) {
      const end = this.#count(data, at);
      if (end < 0) {
        this.#rest = Buffer.from(data.subarray(at));
        return;
      }
      done = end;
      // Events are of nearly one length: look there first. The number tells if anything was passed over.
      const guess = at + stride;
      const next = stride > 0 && guess >= end && startsAt(data, guess) ? guess : data.indexOf(MARK, end);
      stride = next - at;
      at = next;
    }
    this.#rest = Buffer.from(data.subarray(Math.max(done, data.length - MARK.length + 1)));
  }

  /** @returns where what it read ends; -1 when the event's number or time is not all there. @throws when it is not the next event. */
  #count(data: Buffer, at: number): number {
    const number = digitsAt(data, at + MARK.length);
    if (number === undefined) return -1;
    let { end } = number;
    if (this.#onEvent !== undefined) {
      const time = digitsAt(data, end + TIME.length);
      if (time === undefined) return -1;
      this.#onEvent(time.value);
      end = time.end;
    }
    if (number.value !== this.count + 1) throw new Error(`event ${number.value} came after event ${this.count}`);
    this.count = number.value;
    return end;
  }
}

function startsAt(data: Buffer, at: number): boolean {
  for (let i = 0; i < MARK.length; i++) if (data[at + i] !== MARK[i]) return false;
  return true;
}

function digitsAt(data: Buffer, start: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let at = start; at < data.length; at++) {
    const digit = (data[at] as number) - 48;
    if (digit < 0 || digit > 9) return at === start ? undefined : { value, end: at };
    value = value * 10 + digit;
  }
  return undefined;
}
