import type { Endpoint } from '../endpoint.ts'
import { keyEndpoints } from './keys.ts'
import { managementKeyEndpoints } from './management-keys.ts'
import { modelEndpoints } from './models.ts'
import { organizationEndpoints } from './organizations.ts'
import { providerCredentialEndpoints } from './provider-credentials.ts'

/** Every operation that this Worker carries out. */
export const endpoints: readonly Endpoint[] = [
  ...organizationEndpoints,
  ...keyEndpoints,
  ...managementKeyEndpoints,
  ...providerCredentialEndpoints,
  ...modelEndpoints,
]
