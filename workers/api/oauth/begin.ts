import { generateCodeVerifier, generateState } from 'arctic'
import type { Context } from 'hono'
import type { ApiContext } from '../env.ts'
import { type Flow, keepFlow } from './flow.ts'
import type { Provider } from './provider.ts'

/** Begins a sign-in at a provider: the address to go to, while the browser keeps what ends it. Throws a `ProviderFailure`. */
export async function begin(c: Context<ApiContext>, provider: Provider, wanted: Pick<Flow, 'returnTo' | 'linkTo'>): Promise<URL> {
  const flow = { ...wanted, provider: provider.name, state: generateState(), verifier: generateCodeVerifier(), nonce: generateState() }
  const location = await provider.authorizationUrl(flow)
  await keepFlow(c, flow)
  return location
}
