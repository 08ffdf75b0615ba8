import type { Context } from 'hono'
import { accountOperations } from '#shared/contracts/api/accounts.ts'
import { clientIpOf } from '../call-platform.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiContext } from '../env.ts'
import { atWholeSteps } from '../identity/at-whole-steps.ts'
import { type Attempt, limitAttempts } from '../identity/attempt-limits.ts'
import { confirmEmail } from '../identity/confirm-email.ts'
import { refuseWeakPassword } from '../identity/refuse-weak-password.ts'
import { requestLink } from '../identity/request-link.ts'
import { resetPassword } from '../identity/reset-password.ts'
import { signUp } from '../identity/sign-up.ts'
import { verifyEmail } from '../identity/verify-email.ts'

const mailSent = { status: 'mail_sent' } as const

export const accountEndpoints = [
  endpoint(accountOperations.signUp, async ({ c, platform, body }) => {
    // Before it is counted: who looks for a password that is strong enough has not tried anything yet.
    refuseWeakPassword(body.password, body.email, '#/password')
    await limit(c, 'sign_up', body.email)
    await atWholeSteps(() => signUp(platform, body))
    return mailSent
  }),
  endpoint(accountOperations.verifyEmail, async ({ c, surroundings, platform, body }) => {
    await limit(c, 'link_use', body.token)
    await verifyEmail(surroundings, platform, body)
  }),
  endpoint(accountOperations.resendVerification, async ({ c, platform, body: { email } }) => {
    await limit(c, 'mail_link', email)
    await atWholeSteps(() => requestLink(platform, 'verify_email', email))
    return mailSent
  }),
  endpoint(accountOperations.forgotPassword, async ({ c, platform, body: { email } }) => {
    await limit(c, 'mail_link', email)
    await atWholeSteps(() => requestLink(platform, 'reset_password', email))
    return mailSent
  }),
  endpoint(accountOperations.resetPassword, async ({ c, surroundings, platform, body }) => {
    await limit(c, 'link_use', body.token)
    await resetPassword(surroundings, platform, body)
  }),
  endpoint(accountOperations.confirmEmail, async ({ c, surroundings, platform, body: { token } }) => {
    await limit(c, 'link_use', token)
    await confirmEmail(surroundings, platform, token)
  }),
]

/** Counts an attempt against where it came from, and against the address or link that it names. */
function limit(c: Context<ApiContext>, attempt: Attempt, account: string): Promise<void> {
  return limitAttempts(c.var.surroundings.redis, attempt, { ip: clientIpOf(c), account })
}
