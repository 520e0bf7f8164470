import type { LargeLogs } from "./logs/large-logs.ts";
import { type Spread, spreadOf } from "./numbers.ts";

/** What one round of a contestant gave, by the measures' keys. */
export type Sample = Readonly<Record<string, number>>;

export interface Measure {
  readonly key: string;
  readonly title: string;
  readonly better: "more" | "less";
  /** The ratio that is wanted at least, by the name of the peer. */
  readonly bars?: Readonly<Record<string, number>>;
  /** What ours is to be at most, whatever the peer's is. */
  readonly atMost?: number;
}

/** Whether what was acknowledged is on stable storage; `written` is with the operating system, which survives a process and no power cut. */
export type Keeps = "fsync" | "written" | "memory";

/** Somebody who does the part's work: we, or a peer. */
export interface Contestant {
  readonly name: string;
  /** Stands beside each of its numbers. */
  readonly keeps: Keeps;
  /** The measures it has; all of them if it does not say. */
  readonly only?: readonly string[];
  /** One round, in processes of its own, from nothing. */
  round(settings: Settings): Promise<Sample>;
}

export interface Part {
  readonly title: string;
  readonly measures: readonly Measure[];
  readonly ours: Contestant;
  readonly peers: readonly Contestant[];
}

export interface Settings {
  readonly rounds: number;
  /** How long a round measures. */
  readonly ms: number;
  /** Where rounds put their files: on the disk that is measured. */
  readonly folder: string;
  /** What takes minutes to write is written once, and read by all who need it. */
  readonly logs: LargeLogs;
}

export interface Result {
  readonly title: string;
  readonly measures: readonly Measure[];
  readonly contestants: readonly { readonly name: string; readonly keeps: Keeps; readonly spreads: Readonly<Record<string, Spread>> }[];
}

/**
 * Lets all contestants work in turn: whatever else the machine does meanwhile meets each of them. We come first in the answer.
 *
 * @throws when somebody cannot be run, or gives less than was to be measured.
 */
export async function measured(part: Part, settings: Settings): Promise<Result> {
  const contestants = [part.ours, ...part.peers];
  const samples = new Map<Contestant, Sample[]>(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < settings.rounds; round++) {
    // Every other round the other way about: nobody always works in another's wake.
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed())
      samples.get(contestant)?.push(complete(part, contestant, await contestant.round(settings)));
  }
  return {
    title: part.title,
    measures: part.measures,
    contestants: contestants.map((contestant) => {
      const own = samples.get(contestant) ?? [];
      const spreads = keysOf(part, contestant).map((key) => [key, spreadOf(own.map((sample) => sample[key] as number))] as const);
      return { name: contestant.name, keeps: contestant.keeps, spreads: Object.fromEntries(spreads) };
    }),
  };
}

function keysOf({ measures }: Part, { only }: Contestant): readonly string[] {
  return only ?? measures.map(({ key }) => key);
}

function complete(part: Part, contestant: Contestant, sample: Sample): Sample {
  const missing = keysOf(part, contestant).filter((key) => !Number.isFinite(sample[key]));
  if (missing.length > 0) throw new Error(`${contestant.name} gave no ${missing.join(", ")}`);
  return sample;
}

/** The bar of what may cost so many times the peer's, as the ratio that it leaves. */
export function atMostTimes(times: number): number {
  return Math.round(1000 / times) / 1000;
}
