import { NexusError, type Problem } from "../errors.ts";
import type { Cursor, NexusEvent } from "../events/event.ts";
import type { Resume } from "./loss.ts";

type Said = Readonly<Record<string, unknown>>;

/** A JSON object; `undefined` for any other text. What is no Nexus server may say anything. */
export function objectIn(text: string): Said | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Said) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is what this side relies on in the first frame of a stream. */
export function isResume(said: unknown): said is Resume {
  return has(said, ["from", "earliest"], "string") && has(said, ["recovered"], "boolean") && isTextOrNull(said["requested"]);
}

/** The same of an event. */
export function isEvent(said: unknown): said is NexusEvent {
  return (
    has(said, ["id", "type", "channel", "source", "cursor"], "string") &&
    has(said, ["sequence", "timestamp"], "number") &&
    ["runId", "workflowName", "sessionId", "userId"].every((field) => said[field] === undefined || typeof said[field] === "string") &&
    // What built-in ones tell is read off their data.
    "data" in said
  );
}

export function isCheckpoint(said: unknown): said is { readonly cursor: Cursor; readonly hasMore: boolean } {
  return has(said, ["cursor"], "string") && has(said, ["hasMore"], "boolean");
}

export function isProblem(said: unknown): said is Problem {
  return has(said, ["title", "code"], "string") && has(said, ["retryable"], "boolean");
}

/** The error for a stream in which something else stands. */
export function notSaidSo(): NexusError {
  return new NexusError("PROTOCOL_INVALID", { reason: "what answers there does not speak as a Nexus server does" });
}

/** When the server says to come again, if it does. */
export function retryAfterOf(error: unknown): number | undefined {
  const { retryAfterMs } = (NexusError.is(error) ? error.details : {}) as { readonly retryAfterMs?: unknown };
  return typeof retryAfterMs === "number" && retryAfterMs >= 0 ? retryAfterMs : undefined;
}

function has(said: unknown, fields: readonly string[], type: "string" | "number" | "boolean"): said is Said {
  return typeof said === "object" && said !== null && fields.every((field) => typeof (said as Said)[field] === type);
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}
