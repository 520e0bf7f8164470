import type { WorkflowAnswer } from "../../client/remote.ts";
import type { Cli } from "./cli.ts";
import { paint } from "./output.ts";
import { jsonLine, plain } from "./safe-text.ts";
import { type Field, fieldsOf, spokenType } from "./schema.ts";
import { table } from "./table.ts";

/** A workflow for people: what it is, its inputs, and how to run it. */
export function workflowLines(workflow: WorkflowAnswer, cli: Cli): string[] {
  const { name, version, tags = [], description } = workflow;
  const inputs = fieldsOf(workflow.inputSchema);
  const title = [
    paint("bold", plain(name), process.stdout),
    ...(version === undefined ? [] : [`version ${plain(version)}`]),
    ...(tags.length === 0 ? [] : [tags.map(plain).join(", ")]),
  ];
  return [
    title.join("  "),
    ...(description === undefined ? [] : [`  ${plain(description)}`]),
    "",
    ...(inputs.length === 0 ? ["  no inputs are described"] : table(inputs.map(inputRow)).map((line) => `  ${line}`)),
    "",
    `  ${cli.hint(runCommand(workflow))}`,
  ];
}

/** The command that runs it, with the inputs it cannot do without. */
export function runCommand(workflow: WorkflowAnswer): string {
  const needed = fieldsOf(workflow.inputSchema).filter((field) => field.required && field.default === undefined);
  return [`nexus run ${plain(workflow.name)}`, ...needed.map((field) => `-i ${plain(field.name)}=…`)].join(" ");
}

/** Names of the inputs in one line; what may be left out has a question mark. */
export function inputNames(workflow: WorkflowAnswer): string {
  return fieldsOf(workflow.inputSchema)
    .map((field) => plain(field.name) + (isOptional(field) ? "?" : ""))
    .join(", ");
}

function inputRow(field: Field): string[] {
  const needed = field.default !== undefined ? `default ${jsonLine(field.default)}` : field.required ? "required" : "optional";
  return [plain(field.name), plain(spokenType(field)), needed, plain(field.description ?? "")];
}

function isOptional(field: Field): boolean {
  return !field.required || field.default !== undefined;
}
