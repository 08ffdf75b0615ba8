import type { Refused, TargetRules } from './check-target.ts'
import { type DnsResolver, resolvesPublicly } from './resolve-target.ts'

/**
 * Judges a checked address by where it leads, when it is saved and again each time it is used. `unknown` must be tried again and never
 * counts as ok. What an operator allows is not resolved.
 */
export async function judgeTarget(
  url: URL,
  rules: TargetRules,
  resolver: DnsResolver,
): Promise<{ outcome: 'ok' } | Refused | { outcome: 'unknown' }> {
  if (rules.allowed.has(url.origin)) return { outcome: 'ok' }
  const resolution = await resolvesPublicly(url.hostname, resolver)
  if (resolution === 'public') return { outcome: 'ok' }
  if (resolution === 'unknown') return { outcome: 'unknown' }
  const reason = resolution === 'private' ? 'The host has an address that is not public.' : 'The host has no address.'
  return { outcome: 'refused', reason }
}
