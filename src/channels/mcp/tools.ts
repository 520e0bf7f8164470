import type { StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import type { TObject, TSchema } from "typebox";
import { toolAnswer } from "../../operations/answers.ts";
import { FILTER_FIELDS, filterFieldSchema, TIME_FIELDS } from "../../operations/filter-fields.ts";
import type { Operation, Tool } from "../../operations/operation.ts";
import { OPERATIONS } from "../../operations/table.ts";
import type { WorkflowRecord } from "../../workflows/registry.ts";

/** A tool as clients are told of it. */
export interface ToolShape {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: ObjectSchema;
  readonly outputSchema: ObjectSchema;
  readonly annotations: Annotations;
}

interface Annotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

interface ObjectSchema {
  readonly type: "object";
  readonly [keyword: string]: unknown;
}

export interface OperationTool {
  readonly operation: Operation;
  readonly shape: ToolShape;
  /** What arguments are checked by: a filter is read as on every other channel, and refused in the same words. */
  readonly checked: TObject;
}

/** How many of a list one answer holds: a model pays for each. */
const MOST_ENTRIES = 50;
/** A client gives a call up after 60 s. */
export const WAIT_MS: number = 25_000;
const MOST_WAIT_MS = 50_000;
/** Clients give all tools to their model: more would be in its way. */
export const MOST_WORKFLOW_TOOLS = 100;

/** Every operation of the table that is for agents, as a tool. */
export const OPERATION_TOOLS: readonly OperationTool[] = OPERATIONS.flatMap((operation) => {
  if (operation.tool === undefined) return [];
  const shape = shapeOf(operation, operation.tool);
  return { operation, shape, checked: withAnyFilter(shape.inputSchema) };
});
const NAMES: ReadonlySet<string> = new Set(OPERATION_TOOLS.map(({ shape }) => shape.name));

/** The defaults of what a caller may leave out. */
export function withDefaults({ shape }: OperationTool, given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const properties = shape.inputSchema["properties"] as Readonly<Record<string, unknown>>;
  return { ...("limit" in properties && { limit: MOST_ENTRIES }), ...("waitMs" in properties && { waitMs: WAIT_MS }), ...given };
}

/** The tool that a workflow is; `undefined` where its name is taken. */
export function workflowTool(workflow: WorkflowRecord): ToolShape | undefined {
  const { name, description, inputSchema } = workflow;
  const run = OPERATION_TOOLS.find(({ operation }) => operation.name === "workflows.execute") as OperationTool;
  if (NAMES.has(name)) return undefined;
  return {
    name,
    title: name,
    description: `${description ?? `Runs the workflow ${name}.`} Answers with its result, or, when it takes longer than 25 s, with the place to wait from.`,
    inputSchema: { ...inputSchema, type: "object" },
    outputSchema: run.shape.outputSchema,
    annotations: run.shape.annotations,
  };
}

/** A schema for the SDK that only tells how values look: an operation checks them itself, and says the same as on every other channel. */
export function telling(schema: ObjectSchema): StandardSchemaWithJSON<Readonly<Record<string, unknown>>> {
  return {
    "~standard": {
      version: 1,
      vendor: "nexus",
      validate: (value) => ({ value: value as Readonly<Record<string, unknown>> }),
      jsonSchema: { input: () => schema, output: () => schema },
    },
  };
}

function shapeOf(operation: Operation, tool: Tool): ToolShape {
  const { name, summary, method } = operation;
  return {
    name: `nexus_${tool.name}`,
    title: capitalised(tool.name.replaceAll("_", " ")),
    description: tool.says === undefined ? summary : `${summary} ${tool.says}`,
    inputSchema: inputSchema(operation),
    outputSchema: objectSchema(toolAnswer(name)),
    annotations: {
      readOnlyHint: method === "GET",
      destructiveHint: tool.destructive === true,
      idempotentHint: method === "GET" || tool.idempotent === true,
      openWorldHint: tool.openWorld === true,
    },
  };
}

function inputSchema({ params, query, body, wholeBody, filter, tool }: Operation): ObjectSchema {
  const parts: readonly TObject[] = [params, query, tool?.also, wholeBody === undefined ? body : undefined].filter(
    (part) => part !== undefined,
  );
  const properties: Record<string, object> = Object.assign({}, ...parts.map((part) => part.properties));
  const required = parts.flatMap((part) => part.required ?? []);
  if (wholeBody !== undefined) {
    properties[wholeBody] = body as TObject;
    required.push(wholeBody);
  }
  if (filter !== undefined) properties["filter"] = filterSchema(filter);
  if ("limit" in properties)
    properties["limit"] = { ...properties["limit"], maximum: MOST_ENTRIES, description: `How many at most; ${MOST_ENTRIES} if absent.` };
  if ("waitMs" in properties)
    properties["waitMs"] = {
      ...properties["waitMs"],
      maximum: MOST_WAIT_MS,
      description: `How many milliseconds to wait; ${WAIT_MS} if absent, 0 answers at once.`,
    };
  return plain({ type: "object", properties, ...(required.length > 0 && { required }), additionalProperties: false });
}

function withAnyFilter(schema: ObjectSchema): TObject {
  const properties = schema["properties"] as Readonly<Record<string, object>>;
  const any = "filter" in properties && { filter: { type: "object" } };
  return { ...schema, properties: { ...properties, ...any } } as unknown as TObject;
}

function filterSchema(kind: "bounded" | "open"): object {
  const fields = Object.keys(kind === "bounded" ? { ...FILTER_FIELDS, ...TIME_FIELDS } : FILTER_FIELDS);
  const properties = fields.map((field) => [field, filterFieldSchema(field)] as const);
  return {
    type: "object",
    properties: Object.fromEntries(properties),
    additionalProperties: false,
    description: "Which events: all of its fields must match, any of a field's values.",
  };
}

function objectSchema(schema: TSchema): ObjectSchema {
  return plain({ ...schema, type: "object" });
}

function plain(schema: object): ObjectSchema {
  return JSON.parse(JSON.stringify(schema)) as ObjectSchema;
}

function capitalised(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
