import { randomUUID } from "node:crypto";

export interface User {
  readonly name: string;
  readonly isStaff: boolean;
}

/** Who has signed in, by the cookie that the site gave them. */
const users = new Map<string, User>();

/** A cookie for a user whose password, or whatever you ask for, was right. */
export function signIn(user: User): string {
  const sid = randomUUID();
  users.set(sid, user);
  return `sid=${sid}; HttpOnly; SameSite=Lax; Path=/`;
}

export function userOf(cookies: string | null | undefined): User | undefined {
  const sid = /(?:^|; *)sid=([\w-]+)/.exec(cookies ?? "")?.[1];
  return sid === undefined ? undefined : users.get(sid);
}
