import { isReservedName, isUnder } from './reserved-names.ts'

export interface TargetRules {
  /** The platform's own hosts, in lower case; each stands for its subdomains as well. */
  readonly ownHosts: readonly string[]
  /** Origins that an operator lets through as they are, private or plain http; matched whole, so scheme, host and port. */
  readonly allowed: ReadonlySet<string>
}

export type Refused = { outcome: 'refused'; reason: string }

const maxUrlLength = 2_048
/** Longest name that DNS can ask for (RFC 1035). */
const maxHostLength = 253
/** What a URL holds as its port: nothing for the 443 of https. */
const ports = new Set(['', '8443'])
/** Read before the URL parser folds, decodes and maps what stands there. */
const authorityPattern = /^[a-z][a-z0-9+.-]*:\/\/([^/?]*)/i
const plainAuthority = /^(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d+)?$/i
const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** Judges an address that a customer gave by its text alone. The reason is a sentence for people, in which nothing of the text is repeated. */
export function checkTarget(text: string, rules: TargetRules): { outcome: 'ok'; url: URL } | Refused {
  const misspelling = findMisspelling(text)
  if (misspelling) return refused(misspelling)
  const url = URL.parse(text)
  if (!url) return refused('This is not a valid URL.')
  const fault = rules.allowed.has(url.origin) ? null : findFault(url, rules)
  return fault ? refused(fault) : { outcome: 'ok', url }
}

const plainPath = /^(?:\/[a-zA-Z0-9._~-]+)*\/?$/
/** Dots would climb, and the others reach the management plane where a CLIProxyAPI answers. */
const refusedSegments = new Set(['.', '..', 'v0', 'management', 'management.html'])

/** Judges the base URL of a provider. `baseUrl` has no slash at its end, so that a path can be set behind it. */
export function checkBaseUrl(text: string, rules: TargetRules): { outcome: 'ok'; url: URL; baseUrl: string } | Refused {
  const target = checkTarget(text, rules)
  if (target.outcome === 'refused') return target
  if (text.includes('?')) return refused('A base URL must have no query.')
  const path = text.replace(authorityPattern, '')
  if (!plainPath.test(path)) return refused('The path may have only letters, digits, "-", ".", "_" and "~" between single slashes.')
  const segments = path.toLowerCase().split('/')
  if (segments.some((segment) => refusedSegments.has(segment))) return refused('The path has a part that is not allowed in a base URL.')
  return { ...target, baseUrl: target.url.href.replace(/\/$/, '') }
}

/** What is wrong with the text before any parser has read it. */
function findMisspelling(text: string): string | null {
  if (text.length > maxUrlLength) return `The URL must have at most ${maxUrlLength} characters.`
  if (!/^[\x21-\x7e]*$/.test(text)) return 'The URL must have only printable ASCII characters and no spaces.'
  if (text.includes('\\')) return 'The URL must have no backslash.'
  if (text.includes('#')) return 'The URL must have no fragment.'
  const authority = authorityPattern.exec(text)?.[1]
  if (authority === undefined) return 'The URL must begin with https://.'
  if (authority.includes('@')) return 'The URL must have no user name and no password.'
  if (!plainAuthority.test(authority)) return 'The host must have only letters, digits, hyphens and dots.'
  return null
}

function findFault(url: URL, rules: TargetRules): string | null {
  if (url.protocol !== 'https:') return 'The URL must begin with https://.'
  if (!ports.has(url.port)) return 'The port must be 443 or 8443.'
  const host = url.hostname
  // The parser has turned every spelling of an IPv4 address into four decimal numbers.
  if (host.startsWith('[') || /^[\d.]+$/.test(host)) return 'The host must be a name, not an IP address.'
  if (host.endsWith('.')) return 'The host must not end with a dot.'
  const labels = host.split('.')
  if (labels.length < 2) return 'The host must be a full name of at least two parts.'
  if (host.length > maxHostLength || !labels.every((label) => labelPattern.test(label))) return 'The host is not a valid name.'
  if (isReservedName(host)) return 'The host is a name for private or special use.'
  if (rules.ownHosts.some((own) => isUnder(host, own))) return 'The host belongs to this platform.'
  return null
}

function refused(reason: string): Refused {
  return { outcome: 'refused', reason }
}
