import { z } from 'zod'
import { Limits } from '../account.ts'
import { LimitsInput, LowBalance } from '../customer.ts'
import { operation } from './operation.ts'

const path = '/api/organizations/:organizationId/settings'

export const OrganizationSettings = z.strictObject({
  /** What a new key is limited to when its creation says nothing. */
  defaultKeyLimits: LimitsInput,
  /** Days for which lines of the request log are kept; null: as long as the platform keeps them. */
  logRetentionDays: z.int().min(1).max(3_650).nullable(),
  /** A balance that falls below it raises the event `balance.low`; null: none. */
  lowBalanceNanos: LowBalance,
})
export type OrganizationSettings = z.infer<typeof OrganizationSettings>

const ShownSettings = z.object({ ...OrganizationSettings.shape, defaultKeyLimits: Limits })

export const settingsOperations = {
  read: operation({
    id: 'settings.read',
    method: 'GET',
    path,
    access: 'organization.read',
    summary: 'The settings of an organization',
    answer: ShownSettings,
    entityTag: true,
  }),
  replace: operation({
    id: 'settings.replace',
    method: 'PUT',
    path,
    access: 'organization.change',
    summary: 'Replaces the settings of an organization',
    description: 'The header `If-Match` must carry the `ETag` that they were read with, so that nobody overwrites what they have not seen.',
    body: OrganizationSettings,
    answer: ShownSettings,
    entityTag: true,
    precondition: 'if_match',
  }),
}
