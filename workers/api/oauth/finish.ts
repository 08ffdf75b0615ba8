import type { Context } from 'hono'
import type { Callback, OauthError } from '#shared/contracts/api/oauth.ts'
import { Problem } from '#workers/edge/problem.ts'
import { callPlatform } from '../call-platform.ts'
import { authenticate } from '../caller/authenticate.ts'
import type { Person } from '../caller/caller.ts'
import type { ApiContext } from '../env.ts'
import { passFirstFactor } from '../identity/pass-first-factor.ts'
import { enterAccount } from './enter-account.ts'
import { type Flow, takeFlow } from './flow.ts'
import { linkIdentity } from './link-identity.ts'
import { type Provider, type ProviderIdentity, unlessFailed } from './provider.ts'

/** Ends what `begin` began, once, and answers with the path of the portal that the browser goes to then. */
export async function finish(c: Context<ApiContext>, provider: Provider, query: Callback): Promise<string> {
  const flow = await takeFlow(c)
  if (flow?.provider !== provider.name || flow.state !== query.state) return signInPath('expired')
  const failed = (error: OauthError) => (flow.linkTo === null ? signInPath(error) : withError(flow.returnTo, error))
  if (query.code === undefined || query.error !== undefined)
    return failed(query.error === 'access_denied' ? 'access_denied' : 'provider_failed')
  const person = flow.linkTo === null ? null : await personOf(c)
  if (flow.linkTo !== (person?.sessionId ?? null)) return failed('expired')
  const identity = await unlessFailed(provider, provider.readIdentity(flow, query.code))
  if (!identity) return failed('provider_failed')
  if (!person) return enter(c, provider, identity, flow)
  const error = await link(c, person, provider, identity)
  return error === null ? flow.returnTo : failed(error)
}

/** The page of the portal that tells why a sign-in failed. */
export function signInPath(error: OauthError): string {
  return `/sign-in?error=${error}`
}

async function enter(c: Context<ApiContext>, { name }: Provider, identity: ProviderIdentity, { returnTo }: Flow): Promise<string> {
  const entered = await enterAccount(callPlatform(c, null), name, identity)
  if (entered.outcome === 'refused') return signInPath(entered.reason)
  const answer = await passFirstFactor(c, { userId: entered.userId, method: name })
  if (answer.outcome === 'signed_in') return returnTo
  // A fragment stays in the browser: no server and no log on the way sees the challenge.
  return `/sign-in/second-factor#${new URLSearchParams({ challenge: answer.challenge, returnTo })}`
}

/** Why the account could not be linked; null when it is. */
async function link(c: Context<ApiContext>, person: Person, { name }: Provider, identity: ProviderIdentity): Promise<OauthError | null> {
  const outcome = await linkIdentity(callPlatform(c, person), person.userId, name, identity)
  return outcome === 'linked' || outcome === 'unchanged' ? null : outcome
}

/** Who is signed in here; null for nobody. */
async function personOf(c: Context<ApiContext>): Promise<Person | null> {
  try {
    const { caller } = await authenticate(c, null)
    return caller.type === 'person' ? caller : null
  } catch (error) {
    if (error instanceof Problem && error.code === 'unauthenticated') return null
    throw error
  }
}

function withError(path: string, error: OauthError): string {
  const [before = '', fragment] = path.split('#', 2)
  return `${before}${before.includes('?') ? '&' : '?'}error=${error}${fragment === undefined ? '' : `#${fragment}`}`
}
