import type { Surroundings } from '../env.ts'
import { githubProvider } from './github.ts'
import { googleProvider } from './google.ts'
import type { Provider } from './provider.ts'

/** The providers that have an application set up. */
export function providersOf({ github, google, portalUrl }: Surroundings): Provider[] {
  const redirectUri = (name: string) => `${portalUrl}/api/auth/oauth/${name}/callback`
  return [
    ...(github ? [githubProvider(github, redirectUri('github'))] : []),
    ...(google ? [googleProvider(google, redirectUri('google'))] : []),
  ]
}
