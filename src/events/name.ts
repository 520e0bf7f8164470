const NAME = /^[A-Za-z0-9_.-]{1,128}$/;

/** Whether it can name an event type, a workflow, a step or a node: 1 to 128 of A-Z a-z 0-9 _ . - */
export function isName(name: unknown): name is string {
  return typeof name === "string" && NAME.test(name);
}
