import fc from "fast-check";
import { defineWorkflow } from "nexus-event-system";
import { afterAll, beforeAll, expect } from "vitest";
import { z } from "zod";
import { failing, waiting } from "../http/fixtures/workflows.ts";
import { expectNoSurprise, expectProblem, type Watched, watched } from "./answers.ts";
import { inProcess } from "./command.ts";
import { fuzz } from "./fuzz.ts";
import { isRecordable, json, jsonObject, jsonText, nearly, text } from "./values.ts";

const echo = defineWorkflow("echo", (inputs) => inputs);
const shaped = defineWorkflow(
  "shaped",
  {
    inputs: z.object({ n: z.number(), word: z.string().optional(), list: z.array(z.string()).optional(), on: z.boolean().optional() }),
    description: "Takes \u001b[31mred\u0007 inputs\u202e",
  },
  (inputs) => inputs,
);

let site: Watched;
let runId: string;
let sessionId: string;

beforeAll(async () => {
  site = await watched({ workflows: [echo, shaped, failing, waiting] });
  const { app } = site;
  const hostile = { "\u001b[2J": "\u0007\u009b1m\u202e", text: "\u001b]0;title\u0007", message: "one\r\ntwo" };
  await app.emitEvent("hostile", hostile, { metadata: hostile, correlationId: "c1" });
  await app.broadcastEvent("hostile", hostile);
  sessionId = (await app.sessions.create({ userId: "local", data: hostile })).id;
  const run = await app.startRun("echo", hostile);
  await run.result();
  ({ runId } = run);
});

afterAll(() => site[Symbol.asyncDispose]());

/** What a terminal would obey. */
const UNSAFE = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/u;
const STACK = /^\s+at .*[:(]\S*\d+:\d+\)?$/m;

/** No argument of a process holds a NUL, or what is no character. */
const argument = (given: string): string => given.replaceAll("\0", "").toWellFormed();
/** Of a value: standard input has none here. */
const word = fc
  .oneof(
    text,
    jsonText.filter((given) => given.length < 500),
  )
  .map((given) => (given === "-" ? "" : argument(given)));

const id = fc.oneof(
  fc.constantFrom("run", "run", "session", "session").map((what) => ({ what })),
  fc.constantFrom(".", "..", "%2e", "a/b", "?", "#", "abcd", "ffff"),
  word,
);
const place = fc.oneof(fc.constantFrom("earliest", "latest", "time:0", "time:2026-01-01T00:00:00Z", "aaaaaaaaaa.1"), word);
const name = fc.oneof(fc.constantFrom("echo", "shaped", "failing", "none", "hostile", "workflow.*", "order.paid"), word);
const pair = fc.oneof(
  fc.tuple(fc.constantFrom("n", "word", "list", "on", "a", "__proto__"), word).map((parts) => parts.join("=")),
  word,
);
const number = fc.oneof(fc.constantFrom("1", "10", "1000", "0", "-1", "1e3", "999999999"), word);

const VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  "-i": pair,
  "-d": pair,
  "--inputs": word,
  "--data": word,
  "--idempotency-key": word,
  "--session": id,
  "--run": id,
  "--type": name,
  "--workflow": name,
  "--channel": fc.oneof(fc.constantFrom("api", "cli"), word),
  "--user": word,
  "--correlation": fc.oneof(fc.constant("c1"), word),
  "--after": place,
  "--before": place,
  "--since": place,
  "--until": place,
  "--limit": number,
  "--order": fc.oneof(fc.constantFrom("asc", "desc"), word),
  "--status": fc.oneof(fc.constantFrom("completed", "failed"), word),
  "--ttl-ms": number,
  "--id": word,
  "--consumer": name,
  "--reason": word,
  "--overlap-minutes": number,
};
const FILTER = ["--type", "--run", "--workflow", "--channel", "--session", "--user", "--correlation"];

/** Each command with what it takes. Those that serve, follow without end, or write files are not among them. */
const COMMANDS: readonly (readonly [words: string, takes: readonly fc.Arbitrary<unknown>[], options: readonly string[]])[] = [
  ["run", [name], ["-i", "-i", "--inputs", "--idempotency-key", "--session"]],
  ["workflows", [fc.option(name)], []],
  ["runs", [], ["--workflow", "--status", "--limit", "--before"]],
  ["runs show", [id], []],
  ["runs cancel", [id], ["--reason"]],
  ["schedules", [], []],
  ["events list", [], [...FILTER, "--after", "--before", "--since", "--until", "--limit", "--order"]],
  ["events wait --wait-ms 1", [], [...FILTER, "--after"]],
  ["events emit", [name], ["-d", "-d", "--data", "--id", "--session"]],
  ["event-types", [fc.option(name)], []],
  ["sessions", [], ["--user", "--limit", "--before"]],
  ["sessions create", [], ["-d", "--data", "--ttl-ms"]],
  ["sessions show", [id], []],
  ["sessions update", [id], ["-d", "--data"]],
  ["sessions join", [id], []],
  ["consumers", [], []],
  ["consumers show", [name], []],
  ["consumers pause", [name], []],
  ["dead-letters", [], ["--consumer", "--limit", "--after"]],
  ["dead-letters show", [name, id], []],
  ["keys", [], []],
  ["keys revoke", [id], []],
  ["keys rotate", [id], ["--overlap-minutes"]],
];
const stray = fc.oneof(
  fc.constantFrom("--", "--frequency", "--no-such=1", "-x", "--type", "-i", "--\u001b[31m", "---", "\u0007", "extra"),
  word.filter((given) => !/^-.*[hV]|^--(he|ve)/.test(given)),
);
const line: fc.Arbitrary<readonly unknown[]> = fc.constantFrom(...COMMANDS).chain(([words, takes, options]) => {
  const given = takes.map((each) => each.map((value) => (value === null ? [] : [value])));
  const option: fc.Arbitrary<readonly unknown[]> =
    options.length === 0
      ? fc.constant([])
      : fc.constantFrom(...options).chain((each) => fc.tuple(fc.constant(each), VALUES[each] as fc.Arbitrary<unknown>));
  const strays = fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(stray, { maxLength: 2 }) });
  return fc.tuple(fc.tuple(...given), fc.array(option, { maxLength: 3 }), strays).map((parts) => [...words.split(" "), ...parts.flat(3)]);
});

/** Runs a command, which ends with a code that says how, and prints nothing that a terminal obeys, and no stack. */
async function endedWell(args: readonly string[]): ReturnType<typeof inProcess> {
  const ended = await inProcess(args, site.url);
  const { code, stdout, stderr } = ended;
  const said = [args, code, stdout, stderr] as const;
  expect([...said, [0, 1, 2, 75].includes(code), UNSAFE.test(stdout + stderr), STACK.test(stdout + stderr)]).toEqual([
    ...said,
    true,
    false,
    false,
  ]);
  return ended;
}

function meant(value: unknown): string {
  if (typeof value === "string") return value;
  return (value as { what: string }).what === "run" ? runId.slice(-6) : sessionId.slice(-6);
}

fuzz(
  "[run.6] whatever a command is given, it ends with a code that says how, and prints nothing that a terminal obeys",
  300,
  [line, fc.boolean()],
  async (given, isJson) => {
    const args = [...(isJson ? ["--output", "json"] : []), ...given.map(meant)];
    const { code, stdout } = await endedWell(args);
    if (isJson) {
      const values = stdout
        .split("\n")
        .slice(0, -1)
        .map((each) => JSON.parse(each));
      // These tell in their exit code alone what became of it.
      const isTold = !/^(runs cancel|events wait)/.test(given.join(" "));
      if (code !== 0 && isTold) expectProblem(values.at(-1));
    }
    expectNoSurprise(site);
  },
);

const anywhere = fc.oneof(
  word,
  fc.constantFrom(
    ...COMMANDS.flatMap(([words]) => words.split(" ")),
    ...Object.keys(VALUES),
    "echo",
    "earliest",
    "--broadcast",
    "--built-in",
  ),
);

fuzz(
  "[run.6] whatever the command line is, it ends with a code that says how, and prints nothing that a terminal obeys",
  300,
  [fc.array(anywhere, { maxLength: 6 })],
  async (given) => {
    const args = given.filter(
      (each) =>
        !["start", "mcp", "init", "backup", "verify", "tail", "wait", "create", "help"].includes(each) && !/^--?(app|hel|h)/.test(each),
    );
    await endedWell(args);
    expectNoSurprise(site);
  },
);

fuzz(
  "[run.6] inputs that are typed as JSON or as key=value come to the workflow as they were meant, and its result comes back the same",
  80,
  [
    jsonObject,
    fc.dictionary(
      fc.stringMatching(/^[a-z_]{1,9}$/),
      fc.oneof(
        word,
        json.map((value) => argument(JSON.stringify(value))),
      ),
      { maxKeys: 3, noNullPrototype: true },
    ),
  ],
  async (whole, pairs) => {
    const typed = JSON.stringify(whole);
    const laid = Object.entries(pairs).flatMap(([key, value]) => ["-i", `${key}=${value.startsWith("@") ? "@" : ""}${value}`]);
    const { code, stdout } = await inProcess(["run", "echo", "--output", "json", `--inputs=${argument(typed)}`, ...laid], site.url);
    const answer = JSON.parse(stdout);
    const wanted = {
      ...JSON.parse(argument(typed)),
      ...Object.fromEntries(Object.entries(pairs).map(([key, value]) => [key, guessed(value)])),
    };
    if (!isRecordable(wanted)) return expect([code, answer.code]).toEqual([2, "INPUT_INVALID"]);
    expect(code).toBe(0);
    expect(JSON.stringify(answer.result)).toBe(JSON.stringify(wanted));
  },
  [[{}, { a: '{"":1e400}' }]],
);

/** What reads as JSON is that, but for numbers that would become others. */
function guessed(value: string): unknown {
  try {
    const read: unknown = JSON.parse(value);
    const isChanged = typeof read === "number" ? Math.abs(read) > Number.MAX_SAFE_INTEGER : !holdsFinite(read);
    return isChanged ? value : read;
  } catch {
    return value;
  }
}

const address = fc.oneof(
  fc.constantFrom(
    "http://127.0.0.1:2",
    "http://",
    "ftp://127.0.0.1",
    "http://127.0.0.1:99999",
    "http://a b",
    "http://[::1",
    "http:/\u001b[31m",
    "http://ann:secret@127.0.0.1:2",
  ),
  nearly(fc.constant("http://127.0.0.1:2"), ["\u001b[31m", "\t", " ", "\u202e", "/", ":", "?", "#"]).filter((given) => {
    const { hostname } = URL.canParse(given) ? new URL(given) : { hostname: "127.0.0.1" };
    return ["127.0.0.1", ""].includes(hostname);
  }),
);

fuzz(
  "[client.5] whatever address a command is given, it says that no server answers there, or that it is none",
  60,
  [address, fc.constantFrom("workflows", "keys", "runs", "sessions")],
  async (url, command) => {
    const { code, stdout, stderr } = await inProcess([command, `--url=${argument(url)}`], site.url);
    const said = [url, code, stdout, stderr] as const;
    expect([...said, [2, 75].includes(code), UNSAFE.test(stderr), STACK.test(stderr)]).toEqual([...said, true, false, false]);
  },
);

function holdsFinite(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || value === null || Object.values(value).every(holdsFinite);
}
