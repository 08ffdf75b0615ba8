import type { Db } from '#db/client.ts'
import { readMailSettings, type StoredMailSettings } from '#db/queries/mail/read-mail-settings.ts'
import type { MailSettingsAnswer } from '#shared/contracts/mail-settings.ts'

/** The mail server of the platform as it may be shown. */
export async function showMailSettings(db: Db): Promise<MailSettingsAnswer> {
  const stored = await readMailSettings(db)
  return stored ? settingsAnswerOf(stored) : { mail: null }
}

export function settingsAnswerOf({ settings, version, updatedAtMs, sealed }: StoredMailSettings): MailSettingsAnswer {
  return { mail: { ...settings, hasPassword: sealed !== null, version, updatedAt: new Date(updatedAtMs).toISOString() } }
}
