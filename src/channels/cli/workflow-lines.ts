import type { WorkflowAnswer } from "../../client/remote.ts";
import type { Cli } from "./cli.ts";
import { fieldLines, fieldNames, neededArguments } from "./field-lines.ts";
import { paint } from "./output.ts";
import { plain } from "./safe-text.ts";
import { fieldsOf } from "./schema.ts";

/** A workflow for people: what it is, its inputs, and how to run it. */
export function workflowLines(workflow: WorkflowAnswer, cli: Cli): string[] {
  const { name, version, tags = [], description } = workflow;
  const title = [
    paint("bold", plain(name), process.stdout),
    ...(version === undefined ? [] : [`version ${plain(version)}`]),
    ...(tags.length === 0 ? [] : [tags.map(plain).join(", ")]),
  ];
  return [
    title.join("  "),
    ...(description === undefined ? [] : [`  ${plain(description)}`]),
    "",
    ...fieldLines(fieldsOf(workflow.inputSchema), "no inputs are described"),
    "",
    `  ${cli.hint(runCommand(workflow))}`,
  ];
}

/** The command that runs it, with the inputs it cannot do without. */
export function runCommand(workflow: WorkflowAnswer): string {
  return [`nexus run ${plain(workflow.name)}`, ...neededArguments(fieldsOf(workflow.inputSchema), "-i")].join(" ");
}

/** Names of the inputs in one line; what may be left out has a question mark. */
export function inputNames(workflow: WorkflowAnswer): string {
  return fieldNames(fieldsOf(workflow.inputSchema));
}
