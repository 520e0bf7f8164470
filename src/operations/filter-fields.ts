import Type, { type TSchema } from "typebox";

const LIST = Type.Array(Type.String(), { minItems: 1, maxItems: 64 });
const ONE = Type.String();
/** The fields of a filter (wire.md): how the values of each look, and what they pick. */
export const FILTER_FIELDS: Readonly<Record<string, readonly [schema: TSchema, description: string]>> = {
  type: [LIST, "Types: a name, `prefix.*` or `*`. In a list, any."],
  channel: [LIST, "api, cli, mcp, app or schedule."],
  workflow: [LIST, "Names of workflows."],
  runId: [LIST, "Ids of runs."],
  sessionId: [LIST, "Ids of sessions."],
  userId: [LIST, "Owners."],
  correlationId: [LIST, "What belongs together."],
  broadcast: [Type.Enum(["include", "only"]), "include: what matches, and every broadcast; only: what matches and is one."],
};
/** The same of what only a bounded read takes. */
export const TIME_FIELDS: typeof FILTER_FIELDS = {
  since: [ONE, "At this time or later: RFC 3339 with a zone, or milliseconds since the epoch."],
  until: [ONE, "Before this time."],
};

/** A field of a filter as JSON has it: one value, or several. */
export function filterFieldSchema(field: string): object {
  const [schema, description] = { ...FILTER_FIELDS, ...TIME_FIELDS }[field] as (typeof FILTER_FIELDS)[string];
  return { ...("items" in schema ? { anyOf: [{ type: "string" }, schema] } : schema), description };
}
