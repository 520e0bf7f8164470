import type { JsonObject } from "../events/json.ts";
import { type Graph, type GraphCode, graphCodeOf } from "./builder.ts";
import type { RunContext } from "./context.ts";

/** The code that a graph stands for: its nodes as steps, each as soon as all that feed it are through. */
export function graphRun(graph: Graph): (inputs: JsonObject, ctx: RunContext) => Promise<unknown> {
  const code = graphCodeOf(graph) as GraphCode;
  return async (inputs, ctx) => {
    const results = new Map<string, Promise<unknown>>();
    let failure: { readonly error: unknown } | undefined;
    const resultOf = (id: string): Promise<unknown> => {
      let result = results.get(id);
      if (result === undefined) {
        result = runNode(code, id, inputs, ctx, async (feeding) => {
          const value = await resultOf(feeding);
          // A node that has not begun when another fails does not begin.
          if (failure !== undefined) throw failure.error;
          return value;
        });
        result.catch((error: unknown) => (failure ??= { error }));
        results.set(id, result);
      }
      return result;
    };
    await Promise.allSettled(graph.nodes.map((id) => resultOf(id)));
    if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
    const last = graph.nodes.filter((id) => !code.connections.some(([from]) => from === id));
    const [only, ...more] = last;
    if (only !== undefined && more.length === 0) return await results.get(only);
    return Object.fromEntries(await Promise.all(last.map(async (id) => [id, await results.get(id)])));
  };
}

async function runNode(
  code: GraphCode,
  id: string,
  inputs: JsonObject,
  ctx: RunContext,
  resultOf: (id: string) => Promise<unknown>,
): Promise<unknown> {
  const feeding = code.connections.filter(([, , to]) => to === id);
  const brought = await Promise.all(feeding.map(async ([from, output, , input]) => [input, port(await resultOf(from), output)]));
  const nodeInputs = feeding.length === 0 ? inputs : Object.fromEntries(brought);
  const config = code.nodes.get(id);
  return await ctx.step(id, () => config?.run(nodeInputs, ctx) as never);
}

/** `result` is the whole value, `result.a.b` a path in it, any other name a property of it. */
function port(value: unknown, output: string): unknown {
  const path = output === "result" ? [] : output.startsWith("result.") ? output.slice("result.".length).split(".") : [output];
  let at = value;
  for (const key of path)
    at = typeof at === "object" && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined;
  return at;
}
