import { askProvider } from './ask-provider.ts'
import type { CredentialPlatform } from './credential-platform.ts'
import { type LocationRefusal, locateProvider } from './locate-provider.ts'

export type KeyRefusal =
  | LocationRefusal
  /** What the provider answered, by its HTTP status; null when it did not answer. */
  | { outcome: 'refused'; reason: 'key_refused' | 'provider_unreachable'; status: number | null }

/** Decides whether a key may be stored: its provider is one we know the way to, and has taken it unless it shall not be asked. */
export async function admitKey(
  platform: Pick<CredentialPlatform, 'db' | 'targets'>,
  { apiKey, skipValidation, ...provider }: { provider: string; baseUrl: string | null; apiKey: string; skipValidation: boolean },
): Promise<{ outcome: 'admitted'; baseUrl: string | null } | KeyRefusal> {
  const located = await locateProvider(platform, provider)
  if (located.outcome === 'refused') return located
  const { location } = located
  if (!skipValidation) {
    const { outcome, status } = await askProvider(location, apiKey)
    if (outcome !== 'accepted')
      return { outcome: 'refused', reason: outcome === 'refused' ? 'key_refused' : 'provider_unreachable', status }
  }
  return { outcome: 'admitted', baseUrl: location.baseUrl }
}
