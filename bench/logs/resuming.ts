import { percentile } from "../numbers.ts";
import { tell } from "../parent.ts";

const TIMES = 10;

/**
 * The same for both: resumes some times for the first event, and once for as long as it is told.
 *
 * @param most events that are there to be read: it stops before it would wait for more.
 * @param resume events from that place on; each is given as what says its number, which is to grow by one.
 */
export async function resuming(ms: number, most: number, resume: () => AsyncIterable<number>): Promise<void> {
  const firsts: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const from = performance.now();
    for await (const _sequence of resume()) {
      firsts.push(performance.now() - from);
      break;
    }
  }
  let count = 0;
  let before: number | undefined;
  let from = 0;
  for await (const sequence of resume()) {
    if (before !== undefined && sequence !== before + 1) throw new Error(`event ${sequence} came after event ${before}`);
    before = sequence;
    if (count++ === 0) from = performance.now();
    // The clock is looked at now and then: an event is some microseconds.
    if (count >= most || (count % 100 === 0 && performance.now() - from > ms)) break;
  }
  const perSecond = (count - 1) / ((performance.now() - from) / 1000);
  tell({ kind: "sample", cold: firsts[0] ?? Number.NaN, first: percentile(firsts, 50), perSecond });
}
