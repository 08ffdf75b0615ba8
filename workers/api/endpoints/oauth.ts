import { listIdentities } from '#db/queries/accounts/list-identities.ts'
import { oauthOperations } from '#shared/contracts/api/oauth.ts'
import { OauthProvider } from '#shared/contracts/api/parameters.ts'
import { Problem } from '#workers/edge/problem.ts'
import { clientIpOf } from '../call-platform.ts'
import { endpoint } from '../endpoint.ts'
import type { Surroundings } from '../env.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { begin } from '../oauth/begin.ts'
import { finish, signInPath } from '../oauth/finish.ts'
import { type Provider, unlessFailed } from '../oauth/provider.ts'
import { providersOf } from '../oauth/providers.ts'
import { unlinkIdentity } from '../oauth/unlink-identity.ts'

export const oauthEndpoints = [
  endpoint(oauthOperations.methods, async ({ surroundings }) => ({ providers: providersOf(surroundings).map(({ name }) => name) })),

  endpoint(oauthOperations.start, async ({ c, surroundings, params, query: { returnTo } }) => {
    const provider = providerOf(surroundings, params.provider)
    if (await isLimited(surroundings, clientIpOf(c))) return c.redirect(surroundings.portalUrl + signInPath('too_many_requests'))
    const location = await unlessFailed(provider, begin(c, provider, { returnTo, linkTo: null }))
    return c.redirect(location?.href ?? surroundings.portalUrl + signInPath('provider_failed'))
  }),

  endpoint(oauthOperations.callback, async ({ c, surroundings, params, query }) => {
    const provider = providerOf(surroundings, params.provider)
    if (await isLimited(surroundings, clientIpOf(c))) return c.redirect(surroundings.portalUrl + signInPath('too_many_requests'))
    return c.redirect(surroundings.portalUrl + (await finish(c, provider, query)))
  }),

  endpoint(oauthOperations.listIdentities, async ({ surroundings, caller }) => ({
    data: (await listIdentities(surroundings.db, caller.userId)).map((row) => ({ ...row, createdAt: row.createdAt.toISOString() })),
  })),

  endpoint(oauthOperations.link, async ({ c, surroundings, params, caller: { userId, sessionId }, body: { returnTo } }) => {
    const provider = providerOf(surroundings, params.provider)
    await limitAttempts(surroundings.redis, 'oauth', { ip: clientIpOf(c), account: userId })
    const location = await unlessFailed(provider, begin(c, provider, { returnTo, linkTo: sessionId }))
    if (!location) throw new Problem('provider_unreachable', 'The provider does not answer. Try again later.')
    return { url: location.href }
  }),

  endpoint(oauthOperations.unlink, async ({ platform, params, caller: { userId } }) => {
    const provider = OauthProvider.parse(params.provider)
    if (!(await unlinkIdentity(platform, userId, provider))) throw new Problem('not_found', 'No account at this provider is linked.')
  }),
]

function providerOf(surroundings: Surroundings, wanted: string): Provider {
  const found = providersOf(surroundings).find(({ name }) => name === wanted)
  if (!found) throw new Problem('not_found', 'One does not sign in by this provider here.')
  return found
}

/** Browsers come to these addresses by themselves, so that a page has to tell it and no problem can. */
async function isLimited({ redis }: Surroundings, ip: string): Promise<boolean> {
  try {
    await limitAttempts(redis, 'oauth', { ip })
    return false
  } catch (error) {
    if (error instanceof Problem && error.code === 'too_many_requests') return true
    throw error
  }
}
