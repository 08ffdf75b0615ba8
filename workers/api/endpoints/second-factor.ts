import type { Context } from 'hono'
import { readSecondFactor } from '#db/queries/accounts/read-second-factor.ts'
import { secondFactorOperations } from '#shared/contracts/api/second-factor.ts'
import { assert } from '#shared/values/assert.ts'
import { Problem } from '#workers/edge/problem.ts'
import { clientIpOf } from '../call-platform.ts'
import { endpoint } from '../endpoint.ts'
import type { ApiContext } from '../env.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { disableTotp } from '../identity/disable-totp.ts'
import { renewRecoveryCodes } from '../identity/renew-recovery-codes.ts'
import { beginTotp, confirmTotp } from '../identity/set-up-totp.ts'

export const secondFactorEndpoints = [
  endpoint(secondFactorOperations.read, async ({ surroundings, caller }) => {
    const factor = await readSecondFactor(surroundings.db, caller.userId)
    assert(factor, 'the guard has seen the person')
    return { ...factor, totpEnabledAt: factor.totpEnabledAt?.toISOString() ?? null }
  }),
  endpoint(secondFactorOperations.beginTotp, ({ surroundings, platform, caller }) => beginTotp(surroundings, platform, caller)),
  endpoint(secondFactorOperations.confirmTotp, async ({ c, surroundings, platform, caller, body: { code } }) => {
    await limitCodes(c, caller.userId)
    const recoveryCodes = await confirmTotp(surroundings, platform, caller, code)
    if (!recoveryCodes) throw wrongCode()
    return { recoveryCodes }
  }),
  endpoint(secondFactorOperations.disableTotp, async ({ c, surroundings, platform, caller: { userId }, body }) => {
    await limitCodes(c, userId)
    if (!(await disableTotp(surroundings, platform, userId, body))) throw wrongCode()
  }),
  endpoint(secondFactorOperations.replaceRecoveryCodes, async ({ platform, caller }) => {
    return { recoveryCodes: await renewRecoveryCodes(platform, caller.userId) }
  }),
]

function limitCodes(c: Context<ApiContext>, userId: string): Promise<void> {
  return limitAttempts(c.var.surroundings.redis, 'second_factor', { ip: clientIpOf(c), account: userId })
}

function wrongCode(): Problem {
  return new Problem('sign_in_failed', 'The code is wrong, or was used before.')
}
