/** What several rounds gave for one measure. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: percentile(values, 50), lowest: Math.min(...values), highest: Math.max(...values) };
}

/** The value that so many percent of the values do not exceed: the nearest rank, nothing interpolated. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** Four digits say all that a measurement can: 182 k, 61.3 k, 1.93, 0.164. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 9_999.5) return `${(value / 1e3).toPrecision(3)} k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
