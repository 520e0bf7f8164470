import { accessSync, constants, existsSync } from "node:fs";
import { ERRORS, NexusError } from "../../../errors.ts";
import { count, size } from "../amount.ts";
import { duration } from "../time.ts";
import { type Check, fail, ok, warn } from "./check.ts";

const NOT_READ = "not looked at: the file cannot be read";

export const database: Check = ({ file, glance }) => {
  if (glance instanceof Error) {
    const todo =
      NexusError.is(glance) && glance.code !== "OPTION_INVALID" ? ERRORS[glance.code].todo : "name another with --db or NEXUS_DB";
    return fail(`${file}: ${glance.message}`, todo);
  }
  const { bytes, holder, log } = glance;
  if (log === undefined) return ok(`${file} ${existsSync(file) ? "has nothing in it" : "is not there"} yet; the first start makes it`);
  const refused = refusedTo(file);
  if (refused !== undefined)
    return fail(`${file} cannot be ${refused} by this user`, "start as the user whose file it is, or give it to this one");
  const older = log.version < log.known ? `; the next start makes it version ${log.known}` : "";
  return ok(
    `${file}, version ${log.version}${older}, ${size(bytes)}, ${holder === undefined ? "open nowhere" : `open in ${named(holder)}`}`,
  );
};

export const clock: Check = ({ glance, now }) => {
  if (glance instanceof Error) return warn(NOT_READ, "see database");
  if (glance.log === undefined) return ok("there are no events yet");
  const ahead = glance.log.newest - now;
  if (ahead <= 0) return ok("the newest event is not from the future");
  return warn(
    `the newest event is ${duration(ahead)} ahead of this machine's clock`,
    "set the clock; new events have that event's time until the clock is there",
  );
};

export const keys: Check = ({ glance }) => {
  if (glance instanceof Error) return warn(NOT_READ, "see database");
  const { all, good } = glance.log?.keys ?? { all: 0, good: 0 };
  if (all === 0) return ok("none in the file: without auth options, whoever is on this machine may do everything");
  if (good > 0) return ok(`${good} of ${count(all, "key")} in the file ${good === 1 ? "is" : "are"} good`);
  return warn(
    `none of ${count(all, "key")} in the file is good`,
    "nexus keys create USER --scope admin --app app.ts, while no server runs",
  );
};

/** What the server says, which knows what holds it; else what the file says. */
export const floor: Check = ({ glance, health, url }) => {
  if (!(health instanceof Error)) {
    const { log } = health;
    const by = log.heldBy === undefined ? "nothing holds it" : `held by ${log.heldBy.kind} ${log.heldBy.name}, at ${log.heldBy.cursor}`;
    return ok(`${span(log)}; ${by} (${url})`);
  }
  if (glance instanceof Error) return warn(NOT_READ, "see database");
  if (glance.log === undefined) return ok("there are no events yet");
  return ok(`${span(glance.log)}; what holds it, a server says that may be asked for /health`);
};

function span({ floor: forgotten, head }: { readonly floor: number; readonly head: number }): string {
  const there = head > forgotten ? `events ${forgotten + 1} to ${head}` : "no events";
  return forgotten === 0 ? `${there}, nothing is forgotten` : `${there}, forgotten up to ${forgotten}`;
}

function named({ pid, host }: { readonly pid: number; readonly host?: string }): string {
  return pid === 0 ? "another process" : `process ${pid}${host === undefined ? "" : ` on ${host}`}`;
}

function refusedTo(file: string): "read" | "written" | undefined {
  for (const [mode, what] of [
    [constants.R_OK, "read"],
    [constants.W_OK, "written"],
  ] as const) {
    try {
      accessSync(file, mode);
    } catch {
      return what;
    }
  }
  return undefined;
}
