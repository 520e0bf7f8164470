import { randomInt } from "node:crypto";

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** A new log's identity: 10 random characters of [0-9a-z]. */
export function newEpoch(): string {
  return Array.from({ length: 10 }, () => DIGITS[randomInt(DIGITS.length)]).join("");
}
