import { type SpecTypeName, specTypeSchemas } from "@modelcontextprotocol/server";

/** Of these the SDK calls what a client did wrong an internal error of its own; of the others it, or we, say what it is. */
const OF_BOTH_ERAS: readonly (readonly [method: string, type: SpecTypeName])[] = [
  ["tools/list", "ListToolsRequest"],
  ["resources/list", "ListResourcesRequest"],
  ["resources/templates/list", "ListResourceTemplatesRequest"],
  ["resources/read", "ReadResourceRequest"],
];
const MODERN = new Map<string, SpecTypeName>(OF_BOTH_ERAS);
const LEGACY = new Map<string, SpecTypeName>([
  ...OF_BOTH_ERAS,
  ["initialize", "InitializeRequest"],
  ["resources/subscribe", "SubscribeRequest"],
  ["resources/unsubscribe", "UnsubscribeRequest"],
  ["logging/setLevel", "SetLevelRequest"],
]);

/** What is wrong with the params of a request. */
export function faultOfParams(body: unknown, isLegacy: boolean): string | undefined {
  const { method } = (body ?? {}) as { readonly method?: unknown };
  const type = typeof method === "string" ? (isLegacy ? LEGACY : MODERN).get(method) : undefined;
  if (type === undefined) return undefined;
  const { issues } = specTypeSchemas[type]["~standard"].validate(body);
  return issues?.map(({ path = [], message }) => `${path.map(String).join(".")}: ${message}`).join("; ");
}
