import { type Fault, NexusError } from "../errors.ts";
import { isName } from "../events/name.ts";
import type { Schema } from "../events/schema.ts";
import type { RunContext } from "./context.ts";

/** From a node's output to another's input. */
export type Connection = readonly [from: string, output: string, to: string, input: string];

/** A workflow as nodes and connections; each node is a step. */
export interface Graph {
  readonly nodes: readonly string[];
  readonly connections: readonly Connection[];
}

export interface NodeConfig {
  /** @param inputs what its connections bring, by input; of a node without any, the run's inputs. */
  readonly run: (inputs: any, ctx: RunContext) => unknown;
}

/** What a graph is made of beyond its JSON. */
export interface GraphCode {
  readonly nodes: ReadonlyMap<string, NodeConfig>;
  readonly connections: readonly Connection[];
  readonly inputs: Schema | undefined;
}

const codes: WeakMap<Graph, GraphCode> = new WeakMap();

export function graphCodeOf(graph: Graph): GraphCode | undefined {
  return codes.get(graph);
}

/** A graph whose nodes are steps; independent nodes run side by side. */
export class WorkflowBuilder {
  readonly #nodes: { readonly type: string; readonly id: string; readonly config: NodeConfig }[] = [];
  readonly #connections: Connection[] = [];

  addNode(type: "CodeNode", id: string, config: NodeConfig): this {
    this.#nodes.push({ type, id, config });
    return this;
  }

  /** `output` is "result" for the whole returned value, `result.a.b` for a path in it, or one of its fields. */
  addConnection(from: string, output: string, to: string, input: string): this {
    this.#connections.push([from, output, to, input]);
    return this;
  }

  /** The run's result is that of the only node that feeds no other, else an object of all of them by id. @throws GRAPH_INVALID with every fault. */
  build(options?: { readonly inputs?: Schema }): Graph {
    const faults = [...this.#nodeFaults(), ...this.#connectionFaults()];
    if (faults.length === 0) faults.push(...this.#cycleFaults());
    if (faults.length > 0) throw new NexusError("GRAPH_INVALID", { faults });
    const nodes = new Map(this.#nodes.map(({ id, config }) => [id, config]));
    const connections = [...this.#connections];
    const graph: Graph = { nodes: [...nodes.keys()], connections };
    codes.set(graph, { nodes, connections, inputs: options?.inputs });
    return graph;
  }

  #nodeFaults(): Fault[] {
    const seen = new Set<string>();
    return this.#nodes.flatMap(({ type, id, config }) => {
      const faults: Fault[] = [];
      if (type !== "CodeNode") faults.push({ path: id, message: `there is no node type ${type}; there is CodeNode` });
      if (!isName(id)) faults.push({ path: id, message: "its name is not 1 to 128 of A-Z a-z 0-9 _ . -" });
      if (seen.has(id)) faults.push({ path: id, message: "there are two nodes of this name" });
      if (typeof config?.run !== "function") faults.push({ path: id, message: "config.run is not a function" });
      seen.add(id);
      return faults;
    });
  }

  #connectionFaults(): Fault[] {
    const ids = new Set(this.#nodes.map(({ id }) => id));
    const taken = new Set<string>();
    return this.#connections.flatMap(([from, output, to, input]) => {
      const path = `${from}.${output} -> ${to}.${input}`;
      const faults: Fault[] = [];
      for (const id of [from, to]) if (!ids.has(id)) faults.push({ path, message: `there is no node ${id}` });
      const port = JSON.stringify([to, input]);
      if (taken.has(port)) faults.push({ path, message: `another connection goes into ${to}.${input} already` });
      taken.add(port);
      return faults;
    });
  }

  /** @see Kahn, Topological sorting of large networks, 1962: what cannot be ordered is on a cycle or behind one. */
  #cycleFaults(): Fault[] {
    const left = new Set(this.#nodes.map(({ id }) => id));
    for (let found = true; found; ) {
      found = false;
      for (const id of left) {
        if (this.#connections.some(([from, , to]) => to === id && left.has(from))) continue;
        left.delete(id);
        found = true;
      }
    }
    return left.size === 0 ? [] : [{ path: [...left].join(", "), message: "these nodes wait for one another" }];
  }
}
