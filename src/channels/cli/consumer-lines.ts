import type { ConsumerAnswer } from "../../client/remote.ts";
import { errorText } from "./event-line.ts";
import { fields, shown } from "./fields.ts";
import { paint } from "./output.ts";
import { plain } from "./safe-text.ts";
import { duration } from "./time.ts";

/** A consumer as a row of a table. */
export function consumerRow(consumer: ConsumerAnswer): string[] {
  return [plain(consumer.name), statusWord(consumer), behind(consumer.lag), notes(consumer), picks(consumer)];
}

/** All there is to say of one. */
export function consumerLines(consumer: ConsumerAnswer): string[] {
  const { name, cursor, lag, sink, totals, error } = consumer;
  const facts: (readonly [string, string])[] = [
    ["picks", picks(consumer)],
    ["to", plain(sink)],
    ["at", `${plain(cursor)}  ${behind(lag)}`],
    ["so far", sofar(totals)],
  ];
  if (error !== undefined) facts.push(["error", errorText(error)]);
  for (const { eventId, type, ...tries } of consumer.retrying) facts.push(["again", `${plain(type)} ${plain(eventId)}  ${again(tries)}`]);
  return [
    `${paint("bold", plain(name), process.stdout)}  ${statusWord(consumer)}`,
    ...facts.map(([word, value]) => `  ${word.padEnd(6)}  ${value}`),
  ];
}

function statusWord({ status }: ConsumerAnswer): string {
  const style = ({ active: "green", stopped: "red", paused: "yellow" } as const)[status as "active"] ?? "dim";
  return paint(style, status, process.stdout);
}

function behind(lag: number): string {
  return lag === 0 ? "nothing behind" : `${lag} behind`;
}

function picks({ filter }: ConsumerAnswer): string {
  const said = Object.entries(filter).map(([field, value]) => `${field}=${Array.isArray(value) ? plain(value.join(",")) : shown(value)}`);
  return said.length === 0 ? "everything" : said.join(" ");
}

function notes(consumer: ConsumerAnswer): string {
  const [first] = consumer.retrying;
  const said: string[] = [];
  if (consumer.error !== undefined) said.push(errorText(consumer.error));
  if (first !== undefined) said.push(again(first));
  if (consumer.deadLetters > 0) said.push(`${consumer.deadLetters} dead`);
  return said.join(", ");
}

function again({ attempts, mostAttempts, nextRetryAt, error }: Omit<ConsumerAnswer["retrying"][number], "eventId" | "type">): string {
  const of = mostAttempts === undefined ? "" : ` of ${mostAttempts}`;
  const wait = nextRetryAt - Date.now();
  const why = error === undefined ? "" : `: ${errorText(error)}`;
  return `trying again (${attempts}${of}, ${wait > 0 ? `in ${duration(wait)}` : "now"})${why}`;
}

function sofar({ delivered, failures, deadLettered, lost }: ConsumerAnswer["totals"]): string {
  return fields({ delivered, failed: failures, dead: deadLettered, ...(lost > 0 && { lost }) });
}
