import type { SessionAnswer } from "../../client/remote.ts";
import { fields } from "./fields.ts";
import { paint } from "./output.ts";
import { jsonLine, plain } from "./safe-text.ts";
import { dateTime } from "./time.ts";

/** A session for people. Its data is a line a field, whole. */
export function sessionLines(session: SessionAnswer): string[] {
  const { id, userId, data, metadata, channels, createdAt, endsAt, workflowCount, ended } = session;
  const runs = `${workflowCount} ${workflowCount === 1 ? "run" : "runs"}`;
  return [
    `session ${paint("bold", plain(id), process.stdout)}`,
    `  by ${plain(userId ?? "nobody")} on ${channels.map(plain).join(", ")}, ${runs}, ${dateTime(createdAt)}`,
    ended === undefined ? `  open until ${dateTime(endsAt)}, or as long as it is used` : `  ${ended} ${dateTime(endsAt)}`,
    ...(metadata === undefined ? [] : [`  metadata  ${fields(metadata)}`]),
    ...Object.entries(data).map(([field, value]) => `    ${plain(field)}  ${jsonLine(value)}`),
  ];
}
