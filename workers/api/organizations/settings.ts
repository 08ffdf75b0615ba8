import type { Db } from '#db/client.ts'
import { changeSettings } from '#db/queries/organizations/change-organization.ts'
import { readOrganization } from '#db/queries/read-organization.ts'
import type { OrganizationSettings } from '#shared/contracts/api/settings.ts'
import { assert } from '#shared/values/assert.ts'
import { Problem } from '#workers/edge/problem.ts'
import { recordChange } from '#workers/services/audit/record-change.ts'
import type { Platform } from '#workers/services/platform.ts'
import type { Scope } from '../caller/caller.ts'
import { lockScope } from './lock-scope.ts'

/** Settings, and the entity tag of their version. */
export interface TaggedSettings {
  settings: OrganizationSettings
  etag: string
}

export async function readSettings(db: Db, organizationId: string): Promise<TaggedSettings> {
  const row = await readOrganization(db, organizationId)
  assert(row, 'the guard has seen the organization')
  const { defaultKeyLimits, logRetentionDays, lowBalanceNanos, settingsVersion } = row
  return { settings: { defaultKeyLimits, logRetentionDays, lowBalanceNanos }, etag: `"${settingsVersion}"` }
}

/** Replaces all settings, when they are still those that `ifMatch` (RFC 9110, section 13.1.1) names. Throws 428 without it, and 412 when they are not. */
export async function replaceSettings(
  platform: Platform,
  scope: Scope,
  { wanted, ifMatch }: { wanted: OrganizationSettings; ifMatch: string | undefined },
): Promise<TaggedSettings> {
  if (ifMatch === undefined)
    throw new Problem('precondition_required', 'Send the header If-Match with the ETag that the settings were read with.')
  const { organizationId } = scope
  return platform.transact(async (tx) => {
    await lockScope(tx, scope, 'organization.change')
    const before = await readSettings(tx, organizationId)
    if (!matches(ifMatch, before.etag)) throw new Problem('precondition_failed', 'The settings have changed since. Read them again.')
    await changeSettings(tx, organizationId, wanted)
    await recordChange(tx, platform.actor, {
      chain: { organizationId },
      action: 'organization.settings_changed',
      target: { type: 'organization', id: organizationId },
      before: { ...before.settings },
      after: { ...wanted },
    })
    return readSettings(tx, organizationId)
  })
}

/** The edge makes a tag weak when it compresses an answer. A version is the same thing all the same, so that a weak tag matches too. */
function matches(ifMatch: string, etag: string): boolean {
  return ifMatch.split(',').some((given) => given.trim().replace(/^W\//, '') === etag)
}
