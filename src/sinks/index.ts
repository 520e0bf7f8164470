export { email } from "./email.ts";
export { runTable } from "./run-table.ts";
export { slack } from "./slack.ts";
export { webhook } from "./webhook.ts";
