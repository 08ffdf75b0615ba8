import type { Endpoint } from '../endpoint.ts'
import { accountEndpoints } from './accounts.ts'
import { auditEndpoints } from './audit.ts'
import { billingEndpoints } from './billing.ts'
import { invitationEndpoints } from './invitations.ts'
import { keyEndpoints } from './keys.ts'
import { managementKeyEndpoints } from './management-keys.ts'
import { meEndpoints } from './me.ts'
import { memberEndpoints } from './members.ts'
import { modelEndpoints } from './models.ts'
import { oauthEndpoints } from './oauth.ts'
import { organizationEndpoints } from './organizations.ts'
import { passkeyEndpoints } from './passkeys.ts'
import { paymentEndpoints } from './payments.ts'
import { promotionEndpoints } from './promotions.ts'
import { providerCredentialEndpoints } from './provider-credentials.ts'
import { receiptEndpoints } from './receipts.ts'
import { requestEndpoints } from './requests.ts'
import { secondFactorEndpoints } from './second-factor.ts'
import { sessionEndpoints } from './sessions.ts'
import { settingsEndpoints } from './settings.ts'
import { signInEndpoints } from './sign-in.ts'
import { stripeEndpoints } from './stripe.ts'
import { usageEndpoints } from './usage.ts'
import { webhookEndpoints } from './webhooks.ts'

/** Every operation that this Worker carries out. */
export const endpoints: readonly Endpoint[] = [
  ...accountEndpoints,
  ...auditEndpoints,
  ...billingEndpoints,
  ...invitationEndpoints,
  ...keyEndpoints,
  ...managementKeyEndpoints,
  ...meEndpoints,
  ...memberEndpoints,
  ...modelEndpoints,
  ...oauthEndpoints,
  ...organizationEndpoints,
  ...passkeyEndpoints,
  ...paymentEndpoints,
  ...promotionEndpoints,
  ...providerCredentialEndpoints,
  ...receiptEndpoints,
  ...requestEndpoints,
  ...secondFactorEndpoints,
  ...sessionEndpoints,
  ...settingsEndpoints,
  ...signInEndpoints,
  ...stripeEndpoints,
  ...usageEndpoints,
  ...webhookEndpoints,
]
