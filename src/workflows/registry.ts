import { NexusError } from "../errors.ts";
import type { Workflow } from "../events/definitions.ts";
import { parserOf } from "../events/schema.ts";
import { similarNames } from "../events/similar.ts";
import { type Graph, graphCodeOf } from "./builder.ts";
import { graphRun } from "./graph-run.ts";
import { codeOf, makeWorkflow, type WorkflowCode, type WorkflowOptions } from "./workflow.ts";

/** How a workflow is shown. */
export interface WorkflowRecord {
  readonly name: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly version?: string;
  readonly metadata?: object;
  /** JSON Schema of the inputs; `{}` when anything goes. */
  readonly inputSchema: object;
  readonly resultSchema?: object;
}

/** The workflows of an app, by name. */
export class WorkflowRegistry {
  readonly #workflows = new Map<string, Workflow>();

  /** @throws WORKFLOW_EXISTS, and whatever makes it no workflow; then nothing is registered. */
  add(workflow: Workflow): void {
    codeOf(workflow);
    if (this.#workflows.has(workflow.name)) throw new NexusError("WORKFLOW_EXISTS", { workflow: workflow.name });
    this.#workflows.set(workflow.name, workflow);
  }

  remove(name: string): boolean {
    return this.#workflows.delete(name);
  }

  find(name: string): Workflow | undefined {
    return this.#workflows.get(name);
  }

  /** @throws WORKFLOW_NOT_FOUND with names like it. */
  get(name: string): Workflow {
    const workflow = this.#workflows.get(name);
    if (workflow !== undefined) return workflow;
    const shown = String(name).slice(0, 128);
    const similar = similarNames(shown, this.#workflows.keys());
    throw new NexusError(
      "WORKFLOW_NOT_FOUND",
      { workflow: shown, similar },
      {
        detail: `There is no workflow ${shown}.${similar.length > 0 ? ` Did you mean ${similar.join(" or ")}?` : ""}`,
      },
    );
  }

  all(): readonly WorkflowRecord[] {
    return [...this.#workflows.values()].map(workflowRecord).sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** A graph as a workflow. @throws NAME_INVALID · OPTION_INVALID · GRAPH_INVALID */
export function graphWorkflow(name: string, graph: Graph, options: WorkflowOptions): Workflow {
  const code = graphCodeOf(graph);
  if (code === undefined) throw new NexusError("GRAPH_INVALID", { faults: [{ path: "", message: "was not made by WorkflowBuilder" }] });
  return makeWorkflow(name, {
    options,
    inputs: code.inputs === undefined ? undefined : parserOf(code.inputs),
    result: undefined,
    run: graphRun(graph) as WorkflowCode["run"],
  });
}

export function workflowRecord(workflow: Workflow): WorkflowRecord {
  const { options, inputs, result } = codeOf(workflow);
  return {
    name: workflow.name,
    ...(options.description !== undefined && { description: options.description }),
    tags: options.tags ?? [],
    ...(options.version !== undefined && { version: options.version }),
    ...(options.metadata !== undefined && { metadata: options.metadata }),
    inputSchema: inputs?.jsonSchema ?? {},
    ...(result !== undefined && { resultSchema: result.jsonSchema }),
  };
}
