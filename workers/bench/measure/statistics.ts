import { assert } from '#shared/values/assert.ts'

/** The value below which `share` (0 to 1) of the samples lie, by nearest rank: always a sample that occurred. */
export function percentile(samples: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(samples).sort()
  assert(sorted.length > 0, 'a percentile of nothing')
  assert(share >= 0 && share <= 1, 'a percentile outside 0 to 1')
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

/** The middle sample, or the mean of the two in the middle. */
export function median(samples: Iterable<number>): number {
  const sorted = Float64Array.from(samples).sort()
  assert(sorted.length > 0, 'a median of nothing')
  const upper = sorted[sorted.length >> 1] ?? Number.NaN
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN
  return (lower + upper) / 2
}

/**
 * The median of the ratios within each round. The two sides of a round ran next to each other, so what slowed the machine down slowed both;
 * a ratio of medians would compare moments that have nothing in common.
 */
export function medianRatio(pairs: readonly { above: number; below: number }[]): number {
  return median(pairs.map(({ above, below }) => above / below))
}

/** The median of the differences within each round, for the same reason. */
export function medianDifference(pairs: readonly { above: number; below: number }[]): number {
  return median(pairs.map(({ above, below }) => above - below))
}
