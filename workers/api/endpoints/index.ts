import type { Endpoint } from '../endpoint.ts'
import { oauthEndpoints } from './oauth.ts'
import { organizationEndpoints } from './organizations.ts'
import { passkeyEndpoints } from './passkeys.ts'

/** Every operation that this Worker carries out. */
export const endpoints: readonly Endpoint[] = [...organizationEndpoints, ...passkeyEndpoints, ...oauthEndpoints]
