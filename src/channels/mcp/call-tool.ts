import type { CallToolResult, ServerContext } from "@modelcontextprotocol/server";
import type { App } from "../../app.ts";
import { ERRORS, type ErrorCode } from "../../errors.ts";
import { checkInput } from "../../operations/input.ts";
import { loggedProblem } from "../../operations/logged-problem.ts";
import type { Call, Sparing } from "../../operations/operation.ts";
import { perform } from "../../operations/perform.ts";
import { exchanges } from "./exchange.ts";
import { Telling } from "./telling.ts";
import { type OperationTool, withDefaults } from "./tools.ts";

/** About 8,000 tokens; and what follows within a tenth of a second comes along. */
export const SPARING: Sparing = { bytes: 32_000, gatherMs: 100 };

export interface ToolCall {
  readonly app: App;
  readonly tool: OperationTool;
  readonly given: Readonly<Record<string, unknown>>;
  /** Aborts with SERVER_STOPPING for those who wait. */
  readonly stopping: AbortSignal;
}

/** Does a tool's operation: what it answers is the operation's answer, as data and as text; what it throws is an error of the tool, in words. */
export async function callTool({ app, tool, given, stopping }: ToolCall, ctx: ServerContext): Promise<CallToolResult> {
  const flow = exchanges.getStore()?.flow;
  const telling = waits(tool) ? Telling.of(ctx, app.clock) : undefined;
  const call: Call = {
    signal: AbortSignal.any([ctx.mcpReq.signal, stopping, ...(flow === undefined ? [] : [flow.gone])]),
    sparing: SPARING,
    ...(telling !== undefined && { progress: (of) => telling.tell(of) }),
  };
  try {
    const { body } = await perform(app, tool.operation, () => inputOf(tool, given), call);
    return { content: [{ type: "text", text: JSON.stringify(body) }], structuredContent: body as Record<string, unknown> };
  } catch (error) {
    return failed(app, error);
  } finally {
    telling?.end();
  }
}

function inputOf(tool: OperationTool, given: Readonly<Record<string, unknown>>): object {
  checkInput(tool.checked, given);
  return withDefaults(tool, given);
}

function waits({ shape }: OperationTool): boolean {
  return "waitMs" in (shape.inputSchema["properties"] as object);
}

/** Words first, because a model reads them; then the problem as on every other channel. */
function failed(app: App, error: unknown): CallToolResult {
  const problem = loggedProblem(error, app);
  const { todo } = ERRORS[problem.code as ErrorCode];
  const said = problem.detail ?? problem.title;
  const words = `${problem.code}: ${said}${said.includes(todo) ? "" : ` ${todo}`}`;
  return {
    isError: true,
    content: [
      { type: "text", text: words },
      { type: "text", text: JSON.stringify(problem) },
    ],
  };
}
