import type { Lost, Told } from "../../client/follow.ts";
import { paint, type StatusLine } from "./output.ts";
import { plain } from "./safe-text.ts";

type Resumed = Extract<Told, { kind: "resume" }>;

/** Tells people of a connection that was lost and is back, on one line where the terminal allows it. */
export interface ConnectionNotes {
  lost(lost: Lost): void;
  resumed(resumed: Resumed): void;
}

export function connectionNotes(status: StatusLine): ConnectionNotes {
  let waiting: string | undefined;
  return {
    lost: ({ delayMs }) => {
      const text = `   connection lost, trying again in ${(delayMs / 1_000).toFixed(1)} s …`;
      // In a pipe each word stays: the first try is enough.
      if (!status.live && waiting === undefined) status.say(text);
      waiting = text;
      status.set(text);
    },
    resumed: (resumed) => {
      const how = resumed.recovered ? "nothing missed" : paint("yellow", missing(resumed));
      if (waiting !== undefined) {
        status.set();
        status.say(status.live ? `${waiting} back, ${how}` : `   back, ${how}`);
      } else if (!resumed.recovered) status.say(`   ${how}`);
      waiting = undefined;
    },
  };
}

function missing({ reason, from, requested, earliest }: Resumed): string {
  const place = plain(requested ?? "");
  const why = {
    expired: `the log no longer holds what came after ${place}`,
    unknown: `${place} belongs to another history of the log`,
    ahead: `the log ends before ${place}: it has lost its end`,
    invalid: `${place} is not a cursor`,
  }[reason ?? "unknown"];
  return `events are missing: ${why}; going on from ${plain(from)}; the earliest that is left is ${plain(earliest)}`;
}
