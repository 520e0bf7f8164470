import type { Message } from "./child.ts";

/** What this process was started to do. It ends when the one that started it is gone or has had enough. */
export function job<Options>(): Options {
  process.on("disconnect", () => process.exit());
  return JSON.parse(process.argv[2] ?? "{}") as Options;
}

export function tell(message: Message): void {
  // Whoever started this may have gone a moment ago: `disconnect` says so next.
  process.send?.(message, () => {});
}

export function hear(kind: string, listener: (message: Message) => void): void {
  process.on("message", (message: Message) => {
    if (message.kind === kind) listener(message);
  });
}

/** Microseconds on a clock that all processes of the machine share. */
export function micros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
