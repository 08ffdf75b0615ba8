import { accountOperations } from './accounts.ts'
import { auditOperations } from './audit.ts'
import { billingOperations } from './billing.ts'
import { invitationOperations } from './invitations.ts'
import { keyOperations } from './keys.ts'
import { managementKeyOperations } from './management-keys.ts'
import { meOperations } from './me.ts'
import { memberOperations } from './members.ts'
import { modelOperations } from './models.ts'
import { oauthOperations } from './oauth.ts'
import { organizationOperations } from './organizations.ts'
import { passkeyOperations } from './passkeys.ts'
import { paymentOperations } from './payments.ts'
import { promotionOperations } from './promotions.ts'
import { providerCredentialOperations } from './provider-credentials.ts'
import { receiptOperations } from './receipts.ts'
import { referenceOperations } from './reference.ts'
import { requestOperations } from './requests.ts'
import { secondFactorOperations } from './second-factor.ts'
import { sessionOperations } from './sessions.ts'
import { settingsOperations } from './settings.ts'
import { signInOperations } from './sign-in.ts'
import { stripeOperations } from './stripe.ts'
import { usageOperations } from './usage.ts'
import { webhookOperations } from './webhooks.ts'

/** Every operation of the API, by its resource. */
export const operations = {
  accounts: accountOperations,
  audit: auditOperations,
  billing: billingOperations,
  invitations: invitationOperations,
  keys: keyOperations,
  managementKeys: managementKeyOperations,
  me: meOperations,
  members: memberOperations,
  models: modelOperations,
  oauth: oauthOperations,
  organizations: organizationOperations,
  passkeys: passkeyOperations,
  payments: paymentOperations,
  promotions: promotionOperations,
  providerCredentials: providerCredentialOperations,
  receipts: receiptOperations,
  reference: referenceOperations,
  requests: requestOperations,
  secondFactor: secondFactorOperations,
  sessions: sessionOperations,
  settings: settingsOperations,
  signIn: signInOperations,
  stripe: stripeOperations,
  usage: usageOperations,
  webhooks: webhookOperations,
}
