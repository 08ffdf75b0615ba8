import type { Endpoint } from '../endpoint.ts'
import { accountEndpoints } from './accounts.ts'
import { keyEndpoints } from './keys.ts'
import { managementKeyEndpoints } from './management-keys.ts'
import { meEndpoints } from './me.ts'
import { modelEndpoints } from './models.ts'
import { oauthEndpoints } from './oauth.ts'
import { organizationEndpoints } from './organizations.ts'
import { passkeyEndpoints } from './passkeys.ts'
import { providerCredentialEndpoints } from './provider-credentials.ts'

/** Every operation that this Worker carries out. */
export const endpoints: readonly Endpoint[] = [
  ...accountEndpoints,
  ...keyEndpoints,
  ...managementKeyEndpoints,
  ...meEndpoints,
  ...modelEndpoints,
  ...oauthEndpoints,
  ...organizationEndpoints,
  ...passkeyEndpoints,
  ...providerCredentialEndpoints,
]
