import type { Endpoint } from '../endpoint.ts'
import { billingEndpoints } from './billing.ts'
import { invitationEndpoints } from './invitations.ts'
import { memberEndpoints } from './members.ts'
import { organizationEndpoints } from './organizations.ts'
import { settingsEndpoints } from './settings.ts'

/** Every operation that this Worker carries out. */
export const endpoints: readonly Endpoint[] = [
  ...organizationEndpoints,
  ...memberEndpoints,
  ...invitationEndpoints,
  ...settingsEndpoints,
  ...billingEndpoints,
]
