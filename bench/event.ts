/** The type of every event that is emitted here. */
export const TYPE = "bench.measured";

const TEXT = "An order of three books was paid; it leaves the house tomorrow.";

export interface BenchData {
  /** Counts from 1: a reader sees by it that nothing is missing, and nothing twice. */
  readonly n: number;
  /** When it was emitted, in microseconds of the machine's clock. */
  readonly t: number;
  readonly customer: string;
  readonly text: string;
}

/** 135 bytes of JSON; with what a log keeps around it, some 300. */
export function benchData(n: number, t = 0): BenchData {
  return { n, t, customer: `customer-${1000 + (n % 1000)}`, text: TEXT };
}

/** What a peer stores or sends: the data, with what else our log keeps of an event, so 300 bytes for everyone. */
export function benchMessage(data: BenchData): object {
  return {
    type: TYPE,
    channel: "app",
    source: "bench/0123456789ab",
    correlationId: "019ab2c4-0000-7000-8000-000000000000",
    visibility: "operators",
    data,
  };
}
