import { meOperations } from '#shared/contracts/api/me.ts'
import { Problem } from '#workers/edge/problem.ts'
import { clientIpOf } from '../call-platform.ts'
import { clearSessionCookies } from '../caller/cookies.ts'
import { endpoint } from '../endpoint.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { changePassword } from '../identity/change-password.ts'
import { chooseOrganization } from '../identity/choose-organization.ts'
import { deleteAccount } from '../identity/delete-account.ts'
import { describePerson } from '../identity/describe-person.ts'
import { exportPersonalData } from '../identity/export-personal-data.ts'
import { renamePerson } from '../identity/rename-person.ts'
import { requestEmailChange } from '../identity/request-email-change.ts'

export const meEndpoints = [
  endpoint(meOperations.read, ({ surroundings, caller }) => describePerson(surroundings.db, caller)),
  endpoint(meOperations.change, async ({ surroundings, platform, caller, body }) => {
    await renamePerson(platform, caller.userId, body.name)
    return describePerson(surroundings.db, caller)
  }),
  endpoint(meOperations.delete, async ({ c, platform, caller, body }) => {
    const [pointer, detail] = ['#/confirm', 'is not the address of the account']
    if (body.confirm !== caller.email) throw new Problem('invalid_request', `${pointer}: ${detail}`, [{ pointer, detail }])
    await deleteAccount(platform, caller)
    clearSessionCookies(c)
  }),
  endpoint(meOperations.setCurrentOrganization, async ({ platform, caller, body: { organizationId } }) => {
    const isMember = await chooseOrganization(platform, caller.userId, organizationId)
    if (!isMember) throw new Problem('not_found', 'There is no such organization.')
  }),
  endpoint(meOperations.changeEmail, async ({ c, surroundings, platform, caller, body: { email } }) => {
    await limitAttempts(surroundings.redis, 'mail_link', { ip: clientIpOf(c), account: email })
    await requestEmailChange(platform, caller, email)
    return { status: 'mail_sent' } as const
  }),
  endpoint(meOperations.changePassword, async ({ c, surroundings, platform, caller, body }) => {
    // The current password could be guessed here as well as at the sign-in.
    await limitAttempts(surroundings.redis, 'sign_in', { ip: clientIpOf(c), account: caller.email })
    await changePassword(platform, caller, body)
  }),
  endpoint(meOperations.export, ({ c, surroundings, caller }) => {
    c.header('content-disposition', 'attachment; filename="account.json"')
    return exportPersonalData(surroundings.db, caller.userId)
  }),
]
