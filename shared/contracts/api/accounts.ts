import { z } from 'zod'
import { DisplayName } from '../../values/display-name.ts'
import { Email } from '../../values/email.ts'
import { operation } from './operation.ts'
import { TypedPassword } from './sign-in.ts'

/** The fewest and most characters of a new password. */
export const passwordLength = { min: 12, max: 200 } as const

/** A password to be set. Characters are code points, as people count them; half a surrogate pair is none. */
export const NewPassword = z
  .string()
  .max(2 * passwordLength.max, `has more than ${passwordLength.max} characters`)
  .regex(/^\P{Cs}*$/u, 'is not text in Unicode')
  .refine((text) => [...text].length >= passwordLength.min, `has fewer than ${passwordLength.min} characters`)
  .refine((text) => [...text].length <= passwordLength.max, `has more than ${passwordLength.max} characters`)

/** What a link in a mail carries behind `#token=`. */
export const LinkToken = z.string().min(1).max(300)

const SignUp = z.strictObject({ email: Email, password: NewPassword, name: DisplayName })
const ToAddress = z.strictObject({ email: Email })
const ByLink = z.strictObject({ token: LinkToken })

/** The one answer there is, whether the address has an account or not. */
export const MailSent = z.object({ status: z.literal('mail_sent') })
export type MailSent = z.infer<typeof MailSent>

const sameAnswer = 'The answer is the same, and takes as long, whether the address has an account or not; the mail tells.'
const linkUse = 'A link works once and for a limited time; 410 afterwards. It is used by POST, because scanners of mail open links.'

export const accountOperations = {
  signUp: operation({
    id: 'accounts.sign_up',
    method: 'POST',
    path: '/api/auth/sign-up',
    access: 'public',
    summary: 'Make an account',
    description: `Sends a link to the address, which has to be opened before anybody can sign in. ${sameAnswer}`,
    body: SignUp,
    answer: MailSent,
    status: 202,
  }),
  verifyEmail: operation({
    id: 'accounts.verify_email',
    method: 'POST',
    path: '/api/auth/verify-email',
    access: 'public',
    summary: 'Show that the mail of a sign-up was received, by who signed up',
    description: `The password is the one that was chosen at sign-up: whose address somebody else signed up with cannot be led to open an account with that
password. Who does not know it resets it, which shows the same. ${linkUse}`,
    body: z.strictObject({ token: LinkToken, password: TypedPassword }),
  }),
  resendVerification: operation({
    id: 'accounts.resend_verification',
    method: 'POST',
    path: '/api/auth/resend-verification',
    access: 'public',
    summary: 'Send the link of a sign-up again',
    description: sameAnswer,
    body: ToAddress,
    answer: MailSent,
    status: 202,
  }),
  forgotPassword: operation({
    id: 'accounts.forgot_password',
    method: 'POST',
    path: '/api/auth/forgot-password',
    access: 'public',
    summary: 'Send a link by which a new password can be set',
    description: sameAnswer,
    body: ToAddress,
    answer: MailSent,
    status: 202,
  }),
  resetPassword: operation({
    id: 'accounts.reset_password',
    method: 'POST',
    path: '/api/auth/reset-password',
    access: 'public',
    summary: 'Set a new password by a link',
    description: `Ends all sessions of the account, and shows that its address receives mail. ${linkUse}`,
    body: z.strictObject({ token: LinkToken, password: NewPassword }),
  }),
  confirmEmail: operation({
    id: 'accounts.confirm_email',
    method: 'POST',
    path: '/api/auth/confirm-email',
    access: 'public',
    summary: 'Make a new address that of the account',
    description: `Refused (409) when the address has become that of another account. ${linkUse}`,
    body: ByLink,
  }),
}
