import type { Usage } from '#shared/pricing/usage.ts'

/** The buckets that were reported: absent and zero are different facts. */
export function withoutAbsent(usage: Usage): Usage {
  return Object.fromEntries(Object.entries(usage).filter(([, count]) => count !== undefined))
}
