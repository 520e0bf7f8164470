import { type Spread, spreadOf } from "./numbers.ts";

/** What one round of a contestant gave, by the measures' keys. */
export type Sample = Readonly<Record<string, number>>;

export interface Measure {
  readonly key: string;
  readonly title: string;
  readonly better: "more" | "less";
}

/** Somebody who does the part's work: we, or a peer. */
export interface Contestant {
  readonly name: string;
  /** Whether what it acknowledges is on stable storage: stands beside each of its numbers. */
  readonly keeps: "fsync" | "memory";
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
}

export interface Result {
  readonly title: string;
  readonly measures: readonly Measure[];
  readonly contestants: readonly { readonly name: string; readonly keeps: string; readonly spreads: Readonly<Record<string, Spread>> }[];
}

/** Lets all contestants work in turn: whatever else the machine does meanwhile meets each of them. We come first in the answer. */
export async function measured(part: Part, settings: Settings): Promise<Result> {
  const contestants = [part.ours, ...part.peers];
  const samples = new Map<Contestant, Sample[]>(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < settings.rounds; round++) {
    // Every other round the other way about: nobody always works in another's wake.
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed())
      samples.get(contestant)?.push(await contestant.round(settings));
  }
  return {
    title: part.title,
    measures: part.measures,
    contestants: contestants.map((contestant) => {
      const own = samples.get(contestant) ?? [];
      const spreads = part.measures.map(({ key }) => [key, spreadOf(own.map((sample) => sample[key] ?? Number.NaN))] as const);
      return { name: contestant.name, keeps: contestant.keeps, spreads: Object.fromEntries(spreads) };
    }),
  };
}
