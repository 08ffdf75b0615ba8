import type { z } from 'zod'
import type { OauthProvider } from '#shared/contracts/api/parameters.ts'
import { logFailure } from '#workers/edge/log.ts'
import { withinMs } from '#workers/services/within.ts'
import { oauthTimeoutMs } from '../limits.ts'
import type { Flow } from './flow.ts'

/** Somebody as a provider vouches for them. */
export interface ProviderIdentity {
  /** The provider's own id of the account, which outlives its address and name. */
  subject: string
  /** Null when the provider vouches for none. */
  email: string | null
  /** Whether an account here that has the same verified address may be entered by it, although nobody has linked the two. */
  mayLinkByEmail: boolean
  name: string
}

/** GitHub or Google, as far as somebody signs in there. */
export interface Provider {
  name: z.infer<typeof OauthProvider>
  /** Where a browser goes to sign in. Throws a `ProviderFailure`. */
  authorizationUrl(flow: Flow): Promise<URL>
  /** Who came back with a code, which works once. Throws a `ProviderFailure`. */
  readIdentity(flow: Flow, code: string): Promise<ProviderIdentity>
}

/** A provider that does not answer, or not as it should. */
export class ProviderFailure extends Error {
  override name = 'ProviderFailure'
}

/** What a provider answered; null, with a line in the log, when it failed. */
export async function unlessFailed<Value>({ name }: Provider, asked: Promise<Value>): Promise<Value | null> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    logFailure('oauth_provider_failed', error, { provider: name })
    return null
  }
}

/** Does what asks a provider, and tells whatever goes wrong as a `ProviderFailure`. */
export async function asking<Value>(what: string, ask: () => Promise<Value>): Promise<Value> {
  try {
    return await withinMs(oauthTimeoutMs, ask())
  } catch (error) {
    throw new ProviderFailure(`${what} failed`, { cause: error })
  }
}

/** Reads JSON of a provider's API by its contract. */
export function readJson<Schema extends z.ZodType>(
  url: string,
  schema: Schema,
  headers: Record<string, string> = {},
): Promise<z.output<Schema>> {
  return asking(`GET ${new URL(url).pathname}`, async () => {
    const answer = await fetch(url, {
      headers: { accept: 'application/json', 'user-agent': 'rocket-relay', ...headers },
      redirect: 'manual',
    })
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    return schema.parse(await answer.json())
  })
}
