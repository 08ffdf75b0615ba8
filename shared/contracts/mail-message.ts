import { z } from 'zod'

/**
 * What the queue `mail` carries: which mail is to be written, and never its text. The consumer reads what it needs from Postgres and makes the secret of a
 * link by itself, so that no secret lies in a queue.
 */
export const MailMessage = z.discriminatedUnion('kind', [
  /** A link from `mail_tokens`: to verify an address, reset a password or change the address. */
  z.object({ kind: z.literal('link'), tokenId: z.string() }),
  z.object({ kind: z.literal('invitation'), invitationId: z.string() }),
  /** Tells the owner of an account what was changed about it, in case it was not them. */
  z.object({
    kind: z.literal('notice'),
    userId: z.string(),
    notice: z.enum([
      'sign_up_again',
      'password_changed',
      'email_changed',
      'second_factor_enabled',
      'second_factor_disabled',
      'recovery_code_used',
      'passkey_added',
      'passkey_removed',
      'identity_linked',
      'identity_unlinked',
      'session_stolen',
      'account_deleted',
    ]),
    /** Where to, when it is no longer the account's address. */
    email: z.string().optional(),
  }),
  z.object({ kind: z.literal('spend_alert'), alertId: z.string(), userId: z.string(), period: z.string() }),
  /** An event that tells of the balance, or of a payment into it. */
  z.object({ kind: z.literal('balance'), eventId: z.int(), userId: z.string() }),
  /** A webhook endpoint was paused because it is gone, or because it has failed for days. */
  z.object({ kind: z.literal('webhook_paused'), endpointId: z.string(), userId: z.string() }),
])
export type MailMessage = z.infer<typeof MailMessage>
