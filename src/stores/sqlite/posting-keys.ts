import type { NewEvent } from "../../events/event.ts";
import type { IndexedField } from "../../events/filter.ts";

export type PostingField = IndexedField | "broadcast" | "public";

/** What events are found by; the first character of its keys in `postings`, which the value follows. In the order of these characters. */
const TAGS = {
  broadcast: "b",
  channel: "c",
  correlationId: "o",
  public: "p",
  runId: "r",
  sessionId: "s",
  type: "t",
  userId: "u",
  workflow: "w",
} as const satisfies Readonly<Record<PostingField, string>>;

const FIELDS = Object.keys(TAGS) as readonly PostingField[];

/** For each field its value in an event, in the order of the fields; `undefined` where it is not found by that one. */
export type Values = readonly (string | undefined)[];

/**
 * The values an event is found by.
 *
 * One whose correlation starts with itself, which is every one emitted without a context, is found by its id: no key, and no row in the file, for each of them.
 */
export function valuesOf(event: NewEvent): Values {
  const { broadcast, channel, correlationId, visibility, runId, sessionId, type, userId, workflowName } = event;
  // As FIELDS has them: written out, since each event comes through here.
  return [
    broadcast === true ? "" : undefined,
    channel,
    correlationId === event.id ? undefined : correlationId,
    visibility === "public" ? "" : undefined,
    runId,
    sessionId,
    type,
    userId,
    workflowName,
  ];
}

/** The keys an event is found by. */
export function keysOf(event: NewEvent): string[] {
  const keys: string[] = [];
  for (const [n, value] of valuesOf(event).entries()) if (value !== undefined) keys.push(tagAt(n) + value);
  return keys;
}

/** How many fields there are. */
export const FIELD_COUNT: number = FIELDS.length;

/** Which of the fields it is. */
export function indexOfField(field: PostingField): number {
  return FIELDS.indexOf(field);
}

/** The tag of the field with this place in the order. */
export function tagAt(index: number): string {
  return TAGS[FIELDS[index] as PostingField];
}

export function keyOf(field: PostingField, value: string): string {
  return TAGS[field] + value;
}

/** The tag of types: their keys are all there are between it and the next. */
export const TYPE_TAG: string = TAGS.type;

/** A key for people: `type row.rejected`. */
export function spokenKey(key: string): string {
  const field = FIELDS.find((name) => TAGS[name] === key[0]);
  return field === undefined ? JSON.stringify(key) : `${field} ${key.slice(1)}`.trimEnd();
}
