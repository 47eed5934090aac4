/** One side of a comparison: does a fixed piece of work once and returns what it measured, e.g. calls a second. */
export type Side = () => Promise<number>;

/** What a comparison found. */
export interface Comparison {
  /** Median of A divided by B, round by round. */
  readonly ratio: number;
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/**
 * Measures A and B in turn, `rounds` times after one round that does not count, with the order changing from round to round, so that
 * a machine that drifts or stutters favours neither.
 */
export async function compare(a: Side, b: Side, rounds = 7): Promise<Comparison> {
  await a();
  await b();
  const found = { a: [] as number[], b: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? (['a', 'b'] as const) : (['b', 'a'] as const)) {
      found[side].push(await (side === 'a' ? a : b)());
    }
  }
  const ratios = found.a.map((value, round) => value / (found.b[round] ?? Number.NaN));
  return { ratio: median(ratios), ...found };
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** The value below which `share` (0 to 1) of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** `min 1.2  median 1.4  max 2.0` with the unit behind it. */
export function spread(values: readonly number[], unit: string): string {
  const show = (value: number) => value.toPrecision(3);
  return `min ${show(Math.min(...values))}  median ${show(median(values))}  max ${show(Math.max(...values))} ${unit}`;
}
