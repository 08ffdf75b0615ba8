import { lockMailSettings, readMailSettings } from '#db/queries/mail/read-mail-settings.ts'
import { saveMailSettings } from '#db/queries/mail/save-mail-settings.ts'
import { type MailSettings, type MailSettingsAnswer, mailPasswordPlace, type NewMailSettings } from '#shared/contracts/mail-settings.ts'
import { assert } from '#shared/values/assert.ts'
import { recordChange } from '../audit/record-change.ts'
import type { Platform } from '../platform.ts'
import type { KeyRing } from '../secrets/key-ring.ts'
import { sealSecret } from '../secrets/seal.ts'
import { settingsAnswerOf } from './read-settings.ts'

export type SetMailSettingsOutcome =
  | { outcome: 'set'; answer: MailSettingsAnswer }
  /** The stored password was for another server or user, or there is none. */
  | { outcome: 'refused'; reason: 'password_required' }
  /** Somebody else changed them in between, and nothing was changed. */
  | { outcome: 'refused'; reason: 'overtaken' }

type SettingPlatform = Pick<Platform, 'db' | 'transact' | 'actor'> & { keyRing(): KeyRing }

/** Replaces the mail server of the platform. Throws a `KekFailure`, and nothing changes, when the password cannot be sealed. */
export async function setMailSettings(platform: SettingPlatform, wanted: NewMailSettings): Promise<SetMailSettingsOutcome> {
  const { password, allowPlaintext: _, ...settings } = wanted
  const known = await readMailSettings(platform.db)
  const sealed =
    password === undefined ? null : await sealSecret(platform.keyRing(), mailPasswordPlace, password, (known?.sealed?.version ?? 0) + 1)
  return platform.transact(async (tx) => {
    const before = await lockMailSettings(tx)
    if (before?.version !== known?.version) return { outcome: 'refused', reason: 'overtaken' }
    const keeps = sealed === null && settings.user !== null
    if (keeps && !(before?.sealed && isSameLogin(before.settings, settings))) return { outcome: 'refused', reason: 'password_required' }
    await saveMailSettings(tx, settings, keeps ? undefined : sealed)
    await recordChange(tx, platform.actor, {
      chain: 'platform',
      action: 'mail.settings_changed',
      target: { type: 'platform_setting', id: 'mail' },
      before: before?.settings,
      after: { ...settings, passwordReplaced: sealed !== null },
    })
    const after = await lockMailSettings(tx)
    assert(after, 'what was saved is there')
    return { outcome: 'set', answer: settingsAnswerOf(after) }
  })
}

function isSameLogin(one: MailSettings, other: MailSettings): boolean {
  const loginOf = ({ host, port, security, user }: MailSettings) => JSON.stringify([host, port, security, user])
  return loginOf(one) === loginOf(other)
}
