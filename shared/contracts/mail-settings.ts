import { z } from 'zod'
import { DisplayName } from '../values/display-name.ts'
import { Email } from '../values/email.ts'
import type { SecretPlace } from './sealed-secret.ts'

/** How a connection to the mail server is encrypted: from its first byte, by STARTTLS before anything else is said, or not at all. */
export const MailSecurity = z.enum(['tls', 'starttls', 'none'])
export type MailSecurity = z.infer<typeof MailSecurity>

const Host = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i, 'is not a host name')

/** Workers open no connections to port 25, where servers take mail from one another. */
const Port = z
  .int()
  .min(1)
  .max(65_535)
  .refine((port) => port !== 25, 'cannot be 25: Workers reach mail servers at 465 (tls) or 587 (starttls)')

/** Printable, since both are sent in one line of the conversation. */
const printableText = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'contains control characters')

/** The mail server that the platform sends by, and who its mails are from. What is stored as the setting `mail`. */
export const MailSettings = z.object({
  host: Host,
  port: Port,
  security: MailSecurity,
  /** Null when the server asks nobody who they are. */
  user: printableText(255).nullable(),
  from: z.object({ address: Email, name: DisplayName }),
})
export type MailSettings = z.infer<typeof MailSettings>

/**
 * Replaces all settings. The stored password is kept only while host, port, security and user stay as they were, so that it is never sent to a server it was
 * not meant for. `none` needs `allowPlaintext` unless the host is this machine.
 */
export const NewMailSettings = z
  .strictObject({
    ...MailSettings.shape,
    from: z.strictObject(MailSettings.shape.from.shape),
    password: printableText(1_000).optional(),
    allowPlaintext: z.boolean().default(false),
  })
  .refine(({ user, password }) => user !== null || password === undefined, { path: ['password'], message: 'is of no use without a user' })
  .refine(({ security, host, allowPlaintext }) => security !== 'none' || allowPlaintext || isLoopback(host), {
    path: ['security'],
    message: 'would send mails and the password in clear; set allowPlaintext (--allow-plaintext) if that is meant',
  })
export type NewMailSettings = z.infer<typeof NewMailSettings>

/** The settings as they may be shown: never the password. `mail` is null when none were ever set. */
export const MailSettingsAnswer = z.object({
  mail: MailSettings.extend({ hasPassword: z.boolean(), version: z.int(), updatedAt: z.iso.datetime() }).nullable(),
})
export type MailSettingsAnswer = z.infer<typeof MailSettingsAnswer>

export const NewMailTest = z.strictObject({ to: Email })

/** What the mail server said to a test mail; `answer` is its last word, or what stood in the way of it. */
export const MailTest = z.object({ outcome: z.enum(['accepted', 'refused', 'deferred', 'unreachable']), answer: z.string() })
export type MailTest = z.infer<typeof MailTest>

/** Where the password of the mail server is sealed. */
export const mailPasswordPlace: SecretPlace = { organizationId: null, table: 'platform_settings', row: 'mail', purpose: 'smtp_password' }

function isLoopback(host: string): boolean {
  return host === 'localhost' || /^127(\.\d{1,3}){3}$/.test(host)
}
