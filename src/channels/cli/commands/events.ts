import { Command } from "commander";
import { eventsEmit } from "./events-emit.ts";
import { eventsList } from "./events-list.ts";
import { eventsTail } from "./events-tail.ts";
import { eventsWait } from "./events-wait.ts";

export function events(): Command {
  return new Command("events")
    .summary("follow and record events")
    .description("Follow and record events.")
    .addCommand(eventsTail())
    .addCommand(eventsList())
    .addCommand(eventsWait())
    .addCommand(eventsEmit());
}
