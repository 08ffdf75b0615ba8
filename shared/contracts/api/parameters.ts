import { z } from 'zod'
import { OrganizationId } from '../customer.ts'
import { KeyId } from '../customer-key.ts'
import { CredentialId } from '../provider-credential.ts'

function idOf(prefix: string, what: string) {
  return z.string().regex(new RegExp(`^${prefix}_[0-9a-z_]{1,64}$`), `is not the id of ${what}`)
}

export const UserId = idOf('usr', 'a user')
export const SessionId = idOf('ses', 'a session')
export const PasskeyId = idOf('pky', 'a passkey')
export const InvitationId = idOf('inv', 'an invitation')
export const ManagementKeyId = idOf('mgk', 'a management key')
export const SpendAlertId = idOf('alr', 'a spend alert')
export const TopUpId = idOf('top', 'a top-up')
export const WebhookEndpointId = idOf('whe', 'a webhook endpoint')
export const DeliveryId = idOf('dlv', 'a delivery')
/** A UTC month, such as `2026-01`. */
export const Month = z.string().regex(/^20\d{2}-(?:0[1-9]|1[0-2])$/, 'is not a month, such as 2026-01')
export const RequestId = idOf('req', 'a request')
/** Who makes keys: a person, or a management key. */
export const MemberId = z.string().regex(/^(?:usr|mgk)_[0-9a-z_]{1,64}$/, 'is not the id of a member or management key')
/** Whatever a model may once have been called; what no model is called is found nowhere. */
export const ModelName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'has characters that no model is called by')
export const OauthProvider = z.enum(['github', 'google'])

export const ReferenceFile = z.enum(['swagger-ui.css', 'swagger-ui.js', 'page.css', 'page.js'])

/** Every parameter that a path of the API may have. What has not the form of an id cannot exist, and is 404. */
export const parameters = {
  organizationId: OrganizationId,
  userId: UserId,
  sessionId: SessionId,
  passkeyId: PasskeyId,
  invitationId: InvitationId,
  keyId: KeyId,
  managementKeyId: ManagementKeyId,
  credentialId: CredentialId,
  alertId: SpendAlertId,
  requestId: RequestId,
  topUpId: TopUpId,
  endpointId: WebhookEndpointId,
  deliveryId: DeliveryId,
  month: Month,
  provider: OauthProvider,
  referenceFile: ReferenceFile,
} as const satisfies Record<string, z.ZodType<string>>
