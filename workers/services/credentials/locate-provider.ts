import { listByokUpstreams } from '#db/queries/list-byok-upstreams.ts'
import type { Family } from '#shared/contracts/dialect.ts'
import { openaiCompatible } from '#shared/contracts/provider-credential.ts'
import { checkBaseUrl } from '../targets/check-target.ts'
import { judgeTarget } from '../targets/judge-target.ts'
import { readOwnUpstreams } from '../targets/own-upstreams.ts'
import type { CredentialPlatform } from './credential-platform.ts'

/** Where a provider lists its models, and how it takes a key there. */
export interface ProviderLocation {
  modelsUrl: string
  family: Family
  /** As it is to be stored; null for a provider of the catalogue. */
  baseUrl: string | null
}

export type LocationRefusal =
  | { outcome: 'refused'; reason: 'provider_unknown'; known: string[] }
  /** `detail` is a sentence for people, in which nothing of the address is repeated. */
  | { outcome: 'refused'; reason: 'base_url_refused'; detail: string }
  /** DNS did not tell where it leads; try again. */
  | { outcome: 'refused'; reason: 'base_url_unresolved' }

type Located = { outcome: 'located'; location: ProviderLocation } | LocationRefusal

/** Finds where to send a key: an address of the catalogue, or one of the customer's that the rules let through at this moment. */
export async function locateProvider(
  platform: Pick<CredentialPlatform, 'db' | 'targets'>,
  { provider, baseUrl }: { provider: string; baseUrl: string | null },
): Promise<Located> {
  if (provider === openaiCompatible) return locateAddress(platform, baseUrl ?? '')
  const upstreams = await listByokUpstreams(platform.db)
  const upstream = upstreams.find((each) => each.provider === provider)
  if (!upstream) {
    return { outcome: 'refused', reason: 'provider_unknown', known: [...upstreams.map((each) => each.provider), openaiCompatible] }
  }
  const path = upstream.family === 'gemini' ? '/v1beta/models' : '/v1/models'
  return { outcome: 'located', location: { modelsUrl: upstream.baseUrl + path, family: upstream.family, baseUrl: null } }
}

async function locateAddress(
  { db, targets: { rules, resolver } }: Pick<CredentialPlatform, 'db' | 'targets'>,
  text: string,
): Promise<Located> {
  const ours = await readOwnUpstreams(db)
  const checked = checkBaseUrl(text, { ...rules, ownHosts: [...rules.ownHosts, ...ours.hosts] })
  if (checked.outcome === 'refused') return { outcome: 'refused', reason: 'base_url_refused', detail: checked.reason }
  const { url, baseUrl } = checked
  if (ours.have(baseUrl)) return { outcome: 'refused', reason: 'base_url_refused', detail: 'The address belongs to this platform.' }
  const judged = await judgeTarget(url, rules, resolver)
  if (judged.outcome === 'unknown') return { outcome: 'refused', reason: 'base_url_unresolved' }
  if (judged.outcome === 'refused') return { outcome: 'refused', reason: 'base_url_refused', detail: judged.reason }
  return { outcome: 'located', location: { modelsUrl: `${baseUrl}/models`, family: 'openai', baseUrl } }
}
