import { askResolver } from './ask-resolver.ts'
import { isPublicAddress } from './public-address.ts'

/** A resolver for DNS over HTTPS, and what this isolate remembers of it. */
export interface DnsResolver {
  readonly url: string
  readonly timeoutMs: number
  /** Host -> until when it counts as public, in Unix milliseconds; the oldest first. */
  readonly publicUntilMs: Map<string, number>
}

/** `absent`: DNS says that the name has no address. `unknown`: nobody could tell, so ask again later and allow nothing. */
export type Resolution = 'public' | 'private' | 'absent' | 'unknown'

/** A name that turns private is found out after this time at the latest. */
const maxKeptMs = 60_000
const maxKeptHosts = 1_000

/** Call it once an isolate. The time limit holds for each question; both of a host are asked at once. */
export function openDnsResolver(url: string, timeoutMs = 3_000): DnsResolver {
  return { url, timeoutMs, publicUntilMs: new Map() }
}

/** Whether every address of a host is public, IPv4 and IPv6. Only `public` is remembered, no longer than DNS allows. */
export async function resolvesPublicly(host: string, resolver: DnsResolver): Promise<Resolution> {
  if ((resolver.publicUntilMs.get(host) ?? 0) > Date.now()) return 'public'
  const [ipv4, ipv6] = await Promise.all([askResolver(resolver, host, 'A'), askResolver(resolver, host, 'AAAA')])
  const addresses = [...(ipv4?.addresses ?? []), ...(ipv6?.addresses ?? [])]
  // One private address is enough, even when the other half of the answer is missing.
  if (!addresses.every(isPublicAddress)) return 'private'
  if (!ipv4 || !ipv6) return 'unknown'
  if (addresses.length === 0) return 'absent'
  remember(resolver, host, Math.min(ipv4.ttlSeconds, ipv6.ttlSeconds) * 1_000)
  return 'public'
}

function remember({ publicUntilMs }: DnsResolver, host: string, ttlMs: number): void {
  publicUntilMs.delete(host)
  publicUntilMs.set(host, Date.now() + Math.min(ttlMs, maxKeptMs))
  const [oldest] = publicUntilMs.keys()
  if (publicUntilMs.size > maxKeptHosts && oldest !== undefined) publicUntilMs.delete(oldest)
}
