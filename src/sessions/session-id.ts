const ID = /^s-[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The id of a new session. It has a form of its own, so that a word which callers choose for `sessionId` is never taken for one. */
export function sessionId(uuid: string): string {
  return `s-${uuid}`;
}

/** Whether it can be the id of a session at all. */
export function isSessionId(id: unknown): id is string {
  return typeof id === "string" && ID.test(id);
}
