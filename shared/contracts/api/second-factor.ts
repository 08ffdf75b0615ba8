import { z } from 'zod'
import { operation } from './operation.ts'

/** Six digits of an authenticator (RFC 6238). */
export const ByCode = z.strictObject({ code: z.string().regex(/^[0-9]{6}$/, 'is not a code of six digits') })

/** A recovery code however it is typed: in capitals, with spaces, without dashes. */
export const ByRecoveryCode = z.strictObject({ recoveryCode: z.string().min(16).max(40) })

/** What shows a second factor. */
export const SecondFactorProof = z.union([ByCode, ByRecoveryCode])
export type SecondFactorProof = z.infer<typeof SecondFactorProof>

const SecondFactorState = z.object({
  /** Whether codes of an authenticator are asked for, and since when. */
  totpEnabledAt: z.iso.datetime().nullable(),
  recoveryCodesLeft: z.int(),
})

/** Shown once: an authenticator takes either. */
const PendingTotp = z.object({ secret: z.string(), uri: z.string() })

/** Shown once: each stands in for the authenticator one time. */
const RecoveryCodes = z.object({ recoveryCodes: z.array(z.string()) })

const totp = '/api/me/totp'

export const secondFactorOperations = {
  read: operation({
    id: 'second_factor.read',
    method: 'GET',
    path: '/api/me/second-factor',
    access: 'person',
    summary: 'The state of the own second factor',
    answer: SecondFactorState,
  }),
  beginTotp: operation({
    id: 'second_factor.begin_totp',
    method: 'POST',
    path: totp,
    access: 'person',
    summary: 'Begin to set up an authenticator',
    description:
      'Makes a secret, which takes the place of one that was not confirmed. Nothing is asked for until a code of it is confirmed.',
    answer: PendingTotp,
    status: 201,
    fresh: true,
  }),
  confirmTotp: operation({
    id: 'second_factor.confirm_totp',
    method: 'POST',
    path: `${totp}/confirm`,
    access: 'person',
    summary: 'Turn an authenticator on',
    description: 'From now on every sign-in asks for a code. The answer holds recovery codes, which are shown this once.',
    body: ByCode,
    answer: RecoveryCodes,
  }),
  disableTotp: operation({
    id: 'second_factor.disable_totp',
    method: 'DELETE',
    path: totp,
    access: 'person',
    summary: 'Turn the authenticator off',
    description: 'Forgets its secret and the recovery codes. Refused (409) while an organization of the person requires a second factor.',
    body: SecondFactorProof,
    fresh: true,
  }),
  replaceRecoveryCodes: operation({
    id: 'second_factor.replace_recovery_codes',
    method: 'POST',
    path: '/api/me/recovery-codes',
    access: 'person',
    summary: 'Make new recovery codes',
    description: 'Those before no longer work. The answer is shown this once.',
    answer: RecoveryCodes,
    fresh: true,
  }),
}
