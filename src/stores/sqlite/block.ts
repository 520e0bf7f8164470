/** Writes ascending sequences as the differences between them, backwards from the last, which is the block's key and not in it: 7 bits a byte, the lowest first. */
export function encodeBlock(sequences: readonly number[]): Buffer {
  const bytes: number[] = [];
  for (let i = sequences.length - 1; i > 0; i--) {
    let rest = (sequences[i] as number) - (sequences[i - 1] as number);
    // Not with bit operators: those end at 32 bits.
    for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
    bytes.push(rest);
  }
  return Buffer.from(bytes);
}

/** @returns the sequences, ascending. */
export function decodeBlock(last: number, block: Uint8Array): number[] {
  const sequences = [last];
  let at = last;
  let difference = 0;
  let scale = 1;
  for (const byte of block) {
    difference += (byte & 127) * scale;
    scale *= 128;
    if (byte > 127) continue;
    at -= difference;
    sequences.push(at);
    difference = 0;
    scale = 1;
  }
  return sequences.reverse();
}
