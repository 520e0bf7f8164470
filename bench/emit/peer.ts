import { load } from "../load.ts";
import { tell } from "../parent.ts";
import { peerMessage } from "./attributes.ts";

/** The load of this part, for whoever only says how one message is kept; and how many are there in the end. */
export async function peerLoad(ms: number, keep: (message: string) => Promise<unknown>, kept: () => Promise<number>): Promise<void> {
  let n = 0;
  const emit = (): Promise<unknown> => keep(JSON.stringify(peerMessage(++n)));
  await load(512, ms / 3, emit);
  const busy = await load(512, ms, emit);
  const one = await load(1, ms / 2, emit);
  const there = await kept();
  if (there !== n) throw new Error(`${n} messages were acknowledged; there are ${there}`);
  tell({
    kind: "sample",
    perSecond: busy.perSecond,
    cpu: busy.cpu,
    busyP50: busy.p50,
    busyP99: busy.p99,
    oneP50: one.p50,
    oneP99: one.p99,
  });
}
