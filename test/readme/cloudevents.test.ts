import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { serve } from "../http/fixtures/site.ts";

const page = readFileSync(resolve(import.meta.dirname, "../../docs/cloudevents.md"), "utf8");
const commands = [...page.matchAll(/```sh\n(.*?)```/gs)].map((match) => match[1] as string);

/** What a `curl` of the page would send. */
function requestOf(command: string, url: string): Request {
  const [curl, ...words] = [...command.replaceAll("\\\n", " ").matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? "",
  );
  expect(curl).toBe("curl");
  const valuesOf = (option: string): string[] => words.filter((_word, n) => words[n - 1] === option);
  const body = valuesOf("-d")[0];
  const headers = valuesOf("-H").map((line) => line.split(/:\s*/, 2) as [string, string]);
  const address = words.find((word) => word.startsWith("http"))?.replace("http://127.0.0.1:8000", url) ?? "";
  return new Request(address, { headers, ...(body !== undefined && { method: "POST", body }) });
}

test("[event.9] the commands of docs/cloudevents.md bring in three events and show them", async () => {
  await using site = await serve();
  const answers: any[] = [];
  for (const command of commands) answers.push(await (await fetch(requestOf(command, site.url))).json());
  const [structured, binary, batch, list] = answers;
  expect([structured.id, binary.id, batch.receipts[0].id]).toEqual(["pay-7", "pay-8", "pay-9"]);
  expect(list.map(({ type, data }: { type: string; data: unknown }) => [type, data])).toEqual(
    [7, 8, 9].map((orderId) => ["order.paid", { orderId }]),
  );
});
