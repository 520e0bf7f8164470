import { Command, InvalidArgumentError } from "commander";
import type { KeyAnswer, MadeKeyAnswer, NewKeyRequest } from "../../../client/remote.ts";
import { SCOPES } from "../../../events/principal.ts";
import { type Cli, doing } from "../cli.ts";
import { DONE } from "../failure.ts";
import { resolveKeyId } from "../key-id.ts";
import { loadApp } from "../load-app.ts";
import { paint, print, say } from "../output.ts";
import { jsonLine, plain } from "../safe-text.ts";
import { table } from "../table.ts";
import { dateTime } from "../time.ts";
import { several } from "../values.ts";

const DAY_MS = 86_400_000;

interface Create {
  readonly scope: readonly string[];
  readonly name?: string;
  readonly days?: number;
  readonly app?: string | true;
}

export function keys(): Command {
  return new Command("keys")
    .summary("API keys; create USER, revoke ID, rotate ID")
    .description("List the API keys, newest first. From the first one on, every call to the server needs a credential.")
    .action(
      doing(async (cli) => {
        const answer = await cli.remote.keys();
        if (cli.json) await print(jsonLine(answer));
        else {
          for (const line of table(answer.keys.map(row))) await print(line);
          if (answer.keys.length === 0) say(`no keys; the first: ${cli.hint("nexus keys create USER --scope admin")}`);
        }
        return DONE;
      }),
    )
    .addCommand(create())
    .addCommand(revoke())
    .addCommand(rotate());
}

function create(): Command {
  return new Command("create")
    .summary("make a key, and show it this once")
    .description("Make an API key. It is printed on standard output, once: nobody can show it again.")
    .argument("<USER>", "whom it stands for")
    .requiredOption(
      "--scope <scope>",
      `what it allows: ${SCOPES.join(", ")}; several times for more. The first key of all needs admin`,
      several,
    )
    .option("--name <words>", "what it is for")
    .option("--days <n>", "it ends after so many days", positive)
    .option("--app [app.ts]", "in the app's own file, while no server runs: for whoever has no key that is good")
    .action(
      doing<Create>(async (cli, { scope, name, days: count, app }, [userId = ""]) => {
        const body = { userId, scopes: scope, name, ...(count !== undefined && { expiresInMs: count * DAY_MS }) };
        const made = app === undefined ? await cli.remote.createKey(body) : await inFile(app === true ? undefined : app, body);
        await shown(cli, made, "NEXUS_API_KEY takes it; it is not shown again");
        return DONE;
      }),
    );
}

function revoke(): Command {
  return new Command("revoke")
    .summary("end a key now")
    .description("End a key: the next call with it is refused, and its streams are closed.")
    .argument("<ID>", "its id, or a beginning of it, four characters or more, that no other key has")
    .action(
      doing(async (cli, _options, [id = ""]) => {
        const key = await cli.remote.revokeKey(await resolveKeyId(cli.remote, id));
        if (cli.json) await print(jsonLine(key));
        else say(`${paint("green", "✔")} revoked  ${plain(key.id)}, of ${plain(key.userId)}`);
        return DONE;
      }),
    );
}

function rotate(): Command {
  return new Command("rotate")
    .summary("a new key for the same; the old one ends an hour later")
    .description("Make a new key for the same user and scopes, and show it this once. The old one ends an hour later, or when you say.")
    .argument("<ID>", "its id, or a beginning of it, four characters or more, that no other key has")
    .option("--overlap-minutes <n>", "how long the old one goes on", minutes)
    .action(
      doing<{ readonly overlapMinutes?: number }>(async (cli, { overlapMinutes }, [id = ""]) => {
        const overlap = overlapMinutes === undefined ? {} : { overlapMs: overlapMinutes * 60_000 };
        await shown(
          cli,
          await cli.remote.rotateKey(await resolveKeyId(cli.remote, id), overlap),
          overlapMinutes === undefined ? "the old one ends in an hour" : `the old one ends in ${overlapMinutes} min`,
        );
        return DONE;
      }),
    );
}

/** The key alone on standard output: `export NEXUS_API_KEY=$(nexus keys create …)`. */
async function shown(cli: Cli, made: MadeKeyAnswer, note: string): Promise<void> {
  await print(cli.json ? jsonLine(made) : plain(made.key));
  if (!cli.json)
    say(`${paint("green", "✔")} key ${plain(made.id)} for ${plain(made.userId)}: ${made.scopes.map(plain).join(", ")}; ${note}`);
}

/** Made by the app itself, in this process, as whoever may write its file may. */
async function inFile(file: string | undefined, body: NewKeyRequest): Promise<MadeKeyAnswer> {
  const app = await loadApp(file);
  try {
    return (await app.createKey(body)) as MadeKeyAnswer;
  } finally {
    await app.stop({ deadlineMs: 0 });
  }
}

function row({ id, userId, scopes, name, createdAt, expiresAt, revokedAt }: KeyAnswer): string[] {
  const end = revokedAt !== undefined ? `revoked ${dateTime(revokedAt)}` : expiresAt !== undefined ? `until ${dateTime(expiresAt)}` : "";
  return [plain(id), plain(userId), scopes.map(plain).join(","), `since ${dateTime(createdAt)}`, end, plain(name ?? "")];
}

function minutes(value: string): number {
  return value === "0" ? 0 : positive(value);
}

function positive(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new InvalidArgumentError("It is not a whole number from 1 on.");
  return Number(value);
}
