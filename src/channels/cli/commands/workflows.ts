import { Command } from "commander";
import { doing } from "../cli.ts";
import { DONE } from "../failure.ts";
import { print, say } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { table } from "../table.ts";
import { inputNames, workflowLines } from "../workflow-lines.ts";

export function workflows(): Command {
  return new Command("workflows")
    .summary("what can be run; with a name, its inputs")
    .description("List what can be run; with a name, show its inputs.")
    .argument("[NAME]")
    .action(
      doing(async (cli, _options, [name]) => {
        if (name !== undefined) {
          const workflow = await cli.remote.workflow(name);
          for (const line of cli.json ? [jsonLine(workflow)] : workflowLines(workflow, cli)) await print(line);
          return DONE;
        }
        const answer = await cli.remote.workflows();
        if (cli.json) await print(jsonLine(answer));
        else {
          const rows = answer.workflows.map((workflow) => [plain(workflow.name), plain(workflow.description ?? ""), inputNames(workflow)]);
          for (const line of table(rows)) await print(line);
          if (rows.length === 0) say("no workflow is registered");
        }
        return DONE;
      }),
    );
}
