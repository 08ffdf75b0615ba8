import type { Family } from '#shared/contracts/dialect.ts'
import type { CredentialTest } from '#shared/contracts/provider-credential.ts'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'
import type { ProviderLocation } from './locate-provider.ts'

/** How long a provider may take to answer, in milliseconds; an operator waits for it. */
const timeoutMs = 10_000

/** An error that a provider words fits, in bytes; more is not read. */
const maxErrorBytes = 8 * 1_024

/**
 * Asks a provider for its models, which costs nothing, to see whether it takes a key. Only its list is a yes, and only its word on the key is a no:
 * one without a list, or whose 200 is a page for people, counts as unreachable because it has shown nothing.
 */
export async function askProvider({ modelsUrl, family }: ProviderLocation, apiKey: string): Promise<CredentialTest> {
  try {
    const response = await fetch(modelsUrl, {
      headers: { accept: 'application/json', 'user-agent': 'rocket-relay', ...keyHeaders(family, apiKey) },
      // A redirect would take the key to an address that nobody has judged.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    const { status } = response
    const outcome = await outcomeOf(response)
    if (!response.bodyUsed) await response.body?.cancel()
    return { outcome, status }
  } catch {
    return { outcome: 'unreachable', status: null }
  }
}

function keyHeaders(family: Family, apiKey: string): Record<string, string> {
  if (family === 'anthropic') return { 'x-api-key': apiKey, 'anthropic-version': '2023-06-01' }
  if (family === 'gemini') return { 'x-goog-api-key': apiKey }
  return { authorization: `Bearer ${apiKey}` }
}

async function outcomeOf(response: Response): Promise<CredentialTest['outcome']> {
  const { status, headers } = response
  if (status === 200) return headers.get('content-type')?.includes('json') ? 'accepted' : 'unreachable'
  if (status === 401 || status === 403) return 'refused'
  return status === 400 && (await blamesKey(response)) ? 'refused' : 'unreachable'
}

/** Gemini and xAI refuse a key with 400, and only their words tell it from another fault. */
async function blamesKey(response: Response): Promise<boolean> {
  const body = await readBoundedBody(response, maxErrorBytes)
  return body !== null && /API key (not valid|expired)|API_KEY_INVALID|(incorrect|invalid) API key/i.test(new TextDecoder().decode(body))
}
