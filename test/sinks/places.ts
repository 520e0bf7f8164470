import Database from "better-sqlite3";
import type { Sink } from "nexus-event-system";
import { email, runTable, slack, webhook } from "nexus-event-system/sinks";
import type { SinkPlace, TargetState } from "nexus-event-system/testing";
import { type MailServer, mailServer } from "./mail-server.ts";
import { type Answer, type Received, receiver } from "./receiver.ts";
import { ddl } from "./sql.ts";

const SECRET = `whsec_${Buffer.from("conformance-hunter2-conformance").toString("base64")}`;
const ECHO = "T0/B0/hunter2-hunter2-hunter2";

/** Over HTTP: a target that echoes what it is asked for, and what it knows. @param knownBy what tells one delivery from another. */
async function httpPlace(secret: string, make: (url: string) => Sink, knownBy: (got: Received) => string): Promise<SinkPlace> {
  const server = await receiver();
  const held = Promise.withResolvers<void>();
  const answers: Readonly<Record<Exclude<TargetState, "away">, Answer>> = {
    up: () => ({ status: 200, body: "ok" }),
    refusing: ({ path, headers }) => ({ status: 400, body: `not at ${path} with ${String(headers["webhook-signature"])} of ${secret}` }),
    busy: ({ path }) => ({ status: 429, headers: { "retry-after": "3" }, body: `${path}: later` }),
    hanging: () => {
      held.resolve();
      return "nothing";
    },
  };
  return {
    sink: () => make(`${server.url}/${ECHO}`),
    arrived: async () => server.received.map(knownBy),
    become: (state) => become(server, state, () => (server.answer = answers[state as "up"])),
    reached: () => held.promise,
    forsaken: () => server.forsaken(),
    secrets: [SECRET, ECHO, "hunter2"],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function become(server: { away(): Promise<void>; back(): Promise<void> }, state: TargetState, answer: () => void): Promise<void> {
  await server.away();
  if (state === "away") return;
  answer();
  await server.back();
}

export const webhookPlace = (): Promise<SinkPlace> =>
  httpPlace(
    SECRET,
    (url) => webhook({ url, secret: SECRET, allowLoopback: true }),
    ({ headers }) => String(headers["webhook-id"]),
  );

export const slackPlace = (): Promise<SinkPlace> =>
  httpPlace(
    "",
    (url) => slack({ url, allowLoopback: true }) as Sink,
    ({ body }) => body,
  );

export async function emailPlace(): Promise<SinkPlace> {
  const server = await mailServer("hunter2!");
  const held = Promise.withResolvers<void>();
  const answers: Readonly<Record<"up" | "refusing" | "hanging", MailServer["answer"]>> = {
    up: () => "taken",
    refusing: () => ({ status: 550, text: "no such mailbox at smtp://ann:hunter2!@example.com" }),
    hanging: () => {
      held.resolve();
      return "nothing";
    },
  };
  return {
    sink: () => email({ smtp: server.url.replace("//", "//ann:hunter2!@"), from: "nexus@example.com", to: "admin@example.com" }) as Sink,
    arrived: async () => server.received.map(({ mail }) => String(mail.messageId)),
    become: (state) => become(server, state, () => (server.answer = answers[state as "up"])),
    reached: () => held.promise,
    forsaken: () => server.forsaken(),
    secrets: ["hunter2", Buffer.from("\0ann\0hunter2!").toString("base64")],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A table that another connection locks, or that refuses every row. */
export async function sqlitePlace(): Promise<SinkPlace> {
  const db = new Database(":memory:");
  db.exec(ddl("sqlite"));
  return {
    sink: () => runTable({ db }),
    arrived: async () => db.prepare("SELECT workflow_id FROM workflow_logs ORDER BY rowid").pluck().all() as string[],
    become: async (state) => {
      db.exec("DROP TRIGGER IF EXISTS refusing");
      const [table] = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as [string];
      const name = state === "away" ? "elsewhere" : "workflow_logs";
      if (table !== name) db.exec(`ALTER TABLE ${table} RENAME TO ${name}`);
      if (state === "refusing")
        db.exec("CREATE TRIGGER refusing BEFORE INSERT ON workflow_logs BEGIN SELECT raise(ABORT, 'no rows today'); END");
    },
    reached: async () => {},
    forsaken: async () => {},
    secrets: ["hunter2"],
    [Symbol.asyncDispose]: async () => void db.close(),
  };
}
