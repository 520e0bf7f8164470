import { NexusError } from "../errors.ts";

const CALLER_ID = /^[!-+\--~]{1,128}$/;

/** Makes UUIDv7s that only grow, also within one millisecond and when the clock steps back. @see RFC 9562, sections 5.7 and 6.2 (method 1) */
export function idMaker(now: () => number): () => string {
  const random = new Uint8Array(4096);
  let used = random.length;
  let last = 0;
  let counter = 0;
  /** The text of `last`, which many ids share. */
  let millisecond = "";
  const next = (): string => HEX[random[used++] as number] as string;
  return () => {
    if (used === random.length) {
      crypto.getRandomValues(random);
      used = 0;
    }
    const time = Math.floor(now());
    if (time > last) {
      last = time;
      counter = ((random[used] as number) << 3) | ((random[used + 1] as number) & 7);
      millisecond = "";
    } else if (++counter > 0xfff) {
      last += 1;
      counter = 0;
      millisecond = "";
    }
    if (millisecond === "") {
      const digits = last.toString(16).padStart(12, "0");
      millisecond = `${digits.slice(0, 8)}-${digits.slice(8)}-7`;
    }
    const variant = HEX[((random[used++] as number) & 0x3f) | 0x80] as string;
    return `${millisecond}${HEX[counter >> 4]}${DIGITS[counter & 15]}-${variant}${next()}-${next()}${next()}${next()}${next()}${next()}${next()}`;
  };
}

/** A UUIDv8 made of the first 16 bytes of a digest: the same for the same thing. */
export function idOfDigest(digest: Uint8Array): string {
  const view = new DataView(new ArrayBuffer(16));
  for (let i = 0; i < 16; i++) view.setUint8(i, digest[i] as number);
  view.setUint8(6, (view.getUint8(6) & 0x0f) | 0x80);
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
  return format(view);
}

/** Whether it is an id that a caller may choose: 1 to 128 of printable ASCII without space and comma. */
export function isCallerId(id: unknown): id is string {
  return typeof id === "string" && CALLER_ID.test(id);
}

/**
 * The id under which a caller's own id is recorded, `<userId>/<id>`: no user's ids are those of another.
 *
 * What a user's id has before the slash has no slash in it.
 */
export function idUnder(userId: string, id: string): string {
  return `${userId.replaceAll("%", "%25").replaceAll("/", "%2F")}/${id}`;
}

/** @throws OPTION_INVALID for an id that a caller may not choose. */
export function checkCallerId(option: string, id: string): void {
  if (!isCallerId(id)) {
    throw new NexusError("OPTION_INVALID", { option, reason: "it is not 1 to 128 printable ASCII characters without space and comma" });
  }
}

const DIGITS = "0123456789abcdef";
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function format(view: DataView): string {
  let text = "";
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += HEX[view.getUint8(i)];
  }
  return text;
}
