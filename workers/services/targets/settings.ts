import { z } from 'zod'
import type { TargetRules } from './check-target.ts'
import { type DnsResolver, openDnsResolver } from './resolve-target.ts'

/** A list in one variable: names between commas. */
const List = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
)

/** What the rules for customers' addresses take from a Worker's environment; spread `TargetSettings.shape` into its schema. */
export const TargetSettings = z.object({
  /** Resolver for DNS over HTTPS that speaks the JSON form. */
  DNS_OVER_HTTPS: z.url().default('https://cloudflare-dns.com/dns-query'),
  /** Hosts of this platform, which no customer's address may name. */
  OWN_HOSTS: List.pipe(z.array(z.hostname().toLowerCase())).default([]),
  /** Origins that may be private or plain http, like `http://127.0.0.1:8791`. */
  ALLOWED_TARGETS: List.pipe(z.array(z.string().refine(isOrigin, 'is not an origin'))).default([]),
})

/** By what rules, and by whose word on DNS, an address of a customer's is judged. */
export interface TargetAccess {
  rules: TargetRules
  resolver: DnsResolver
}

/** Call it once an isolate, as openDnsResolver. */
export function targetAccessOf(settings: z.output<typeof TargetSettings>): TargetAccess {
  return { rules: targetRulesOf(settings), resolver: openDnsResolver(settings.DNS_OVER_HTTPS) }
}

export function targetRulesOf(settings: z.output<typeof TargetSettings>): TargetRules {
  return { ownHosts: settings.OWN_HOSTS, allowed: new Set(settings.ALLOWED_TARGETS) }
}

/** As a URL has its origin, or a setting that matches nothing would look like one that does. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text
}
