import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import type { Fault } from "../../errors.ts";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The lowest bit of the first number says in which order the bytes of the numbers are that checksums are made of. */
const MAGIC = 0x377f0682;
const READ_AT_ONCE = 256;

/** What the process that wrote last knew of its write-ahead log: how many frames were committed, and the salts that they carry. */
interface Committed {
  readonly frames: number;
  readonly salts: string;
}

/**
 * Whether the file has all of its pages; while there is a write-ahead log, the last may stand there.
 *
 * Not while this process has the file open: the system would forget its locks.
 *
 * @see https://www.sqlite.org/fileformat.html#in_header_database_size
 */
export function fileCut(file: string): Fault | undefined {
  const header = bytesOf(file, 0, 100);
  if (header === undefined || (sizeOf(`${file}-wal`) ?? 0) > 0) return undefined;
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  // Only then the number of pages is that of the last change.
  if (header.readUInt32BE(24) !== header.readUInt32BE(92)) return undefined;
  const [bytes, there] = [pageBytes * header.readUInt32BE(28), sizeOf(file) ?? 0];
  return there < bytes ? { path: "file", message: `is cut short: it had ${bytes} bytes, and has ${there}` } : undefined;
}

/**
 * Whether the write-ahead log beside a file holds all that was committed to it.
 *
 * SQLite reads it up to the first frame that is not whole, and takes that for its end: commits that were cut off are missing without a word. How many there
 * were stands in the file's shared memory (`-shm`), which a process that is killed leaves behind, and which is written after the frames are on stable storage.
 *
 * Not while this process has the file open: the system would forget its locks. And before anything opens it at all: SQLite writes that number anew then.
 *
 * @returns what is wrong, if anything is.
 * @see https://www.sqlite.org/walformat.html
 */
export function walCut(file: string): Fault | undefined {
  for (;;) {
    const committed = committedIn(`${file}-shm`);
    if (committed === undefined || committed.frames === 0) return undefined;
    const whole = wholeFrames(`${file}-wal`, committed);
    if (whole === undefined || whole >= committed.frames) return undefined;
    // Another process has begun it again while it was read here.
    if (committedIn(`${file}-shm`)?.salts !== committed.salts) continue;
    return {
      path: "write-ahead log",
      message: `${committed.frames} pages were committed to ${file}-wal, and it is whole up to ${whole} of them: what was recorded last is gone`,
    };
  }
}

/** @see https://www.sqlite.org/walformat.html#walidxfmt: two copies of a header, in the order of bytes of this machine. */
function committedIn(shm: string): Committed | undefined {
  const header = bytesOf(shm, 0, 96);
  // Written in this order, so that who reads while it is written sees that the copies differ.
  if (header === undefined || !header.subarray(0, 48).equals(header.subarray(48))) return undefined;
  const numbers = new Uint32Array(header.buffer, header.byteOffset, 12);
  const [a, b] = checksum(numbers.subarray(0, 10), [0, 0]);
  if (a !== numbers[10] || b !== numbers[11]) return undefined;
  return { frames: numbers[4] as number, salts: header.toString("hex", 32, 40) };
}

/** How many frames are there and whole; `undefined` when the log is not the one that is meant: it has been begun again. */
function wholeFrames(wal: string, { frames, salts }: Committed): number | undefined {
  let fd: number;
  try {
    fd = openSync(wal, "r");
  } catch {
    return 0;
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    if (readSync(fd, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return 0;
    if (header.toString("hex", 16, 24) !== salts) return undefined;
    const swapped = (header.readUInt32BE(0) === MAGIC) !== isLittleEndian();
    const frameBytes = FRAME_HEADER_BYTES + header.readUInt32BE(8);
    let sums: Sums = [header.readUInt32BE(24), header.readUInt32BE(28)];
    const chunk = Buffer.alloc(frameBytes * READ_AT_ONCE);
    const there = Math.min(frames, Math.floor((fstatSync(fd).size - HEADER_BYTES) / frameBytes));
    for (let frame = 0; frame < there; frame++) {
      const at = (frame % READ_AT_ONCE) * frameBytes;
      if (at === 0) readSync(fd, chunk, 0, chunk.length, HEADER_BYTES + frame * frameBytes);
      const bytes = chunk.subarray(at, at + frameBytes);
      sums = checksum(words(bytes.subarray(0, 8), swapped), sums);
      sums = checksum(words(bytes.subarray(FRAME_HEADER_BYTES), swapped), sums);
      const fits = bytes.toString("hex", 8, 16) === salts && bytes.readUInt32BE(16) === sums[0] && bytes.readUInt32BE(20) === sums[1];
      if (!fits) return frame;
    }
    return there;
  } finally {
    closeSync(fd);
  }
}

type Sums = readonly [number, number];

/** @see https://www.sqlite.org/walformat.html#checksum_algorithm */
function checksum(numbers: Uint32Array, [first, second]: Sums): Sums {
  let [a, b] = [first, second];
  for (let i = 0; i < numbers.length; i += 2) {
    a = (a + (numbers[i] as number) + b) >>> 0;
    b = (b + (numbers[i + 1] as number) + a) >>> 0;
  }
  return [a, b];
}

/** Bytes as numbers of 32 bits; a copy, since they may begin anywhere. */
function words(bytes: Buffer, swapped: boolean): Uint32Array {
  const copy = Buffer.from(new Uint8Array(bytes).buffer);
  if (swapped) copy.swap32();
  return new Uint32Array(copy.buffer, copy.byteOffset, copy.length / 4);
}

function isLittleEndian(): boolean {
  return new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}

/** A part of a file; `undefined` when it is not there. */
function bytesOf(file: string, at: number, count: number): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch {
    return undefined;
  }
  try {
    const bytes = Buffer.from(new ArrayBuffer(count));
    return readSync(fd, bytes, 0, count, at) === count ? bytes : undefined;
  } finally {
    closeSync(fd);
  }
}
