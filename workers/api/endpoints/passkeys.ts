import { listPasskeys, type PasskeyRow } from '#db/queries/accounts/list-passkeys.ts'
import { maxPasskeys, type Passkey, passkeyOperations } from '#shared/contracts/api/passkeys.ts'
import { Problem } from '#workers/edge/problem.ts'
import { clientIpOf } from '../call-platform.ts'
import { endpoint } from '../endpoint.ts'
import { limitAttempts } from '../identity/attempt-limits.ts'
import { openSession } from '../identity/open-session.ts'
import { authenticationOptions, verifyPasskey } from '../passkeys/authentication.ts'
import { bindBrowser, browserOf } from '../passkeys/browser-cookie.ts'
import { reauthenticate } from '../passkeys/reauthenticate.ts'
import { registerPasskey } from '../passkeys/register-passkey.ts'
import { registrationOptions, verifyRegistration } from '../passkeys/registration.ts'
import { removePasskey } from '../passkeys/remove-passkey.ts'
import { renamePasskey } from '../passkeys/rename-passkey.ts'

export const passkeyEndpoints = [
  endpoint(passkeyOperations.list, async ({ surroundings, caller: { userId } }) => ({
    data: (await listPasskeys(surroundings.db, userId)).map(passkeyOf),
  })),

  endpoint(passkeyOperations.beginRegistration, async ({ c, surroundings, caller }) => {
    await limitAttempts(surroundings.redis, 'passkey', { ip: clientIpOf(c), account: caller.userId })
    return registrationOptions(surroundings, caller, await listPasskeys(surroundings.db, caller.userId))
  }),

  endpoint(passkeyOperations.register, async ({ surroundings, platform, caller, body: { name, response } }) => {
    const credential = await verifyRegistration(surroundings, caller, response)
    if (!credential) throw new Problem('invalid_request', 'The passkey does not answer the challenge of this session. Begin again.')
    const done = await registerPasskey(platform, caller.userId, name, credential)
    if (done.outcome === 'refused') throw new Problem('conflict', refusals[done.reason])
    return passkeyOf(done.passkey)
  }),

  endpoint(passkeyOperations.rename, async ({ platform, caller, params, body: { name } }) => {
    const passkey = await renamePasskey(platform, caller.userId, params.passkeyId, name)
    if (!passkey) throw unknownPasskey()
    return passkeyOf(passkey)
  }),

  endpoint(passkeyOperations.remove, async ({ platform, caller: { userId }, params }) => {
    if (!(await removePasskey(platform, userId, params.passkeyId))) throw unknownPasskey()
  }),

  endpoint(passkeyOperations.beginSignIn, async ({ c, surroundings }) => {
    await limitAttempts(surroundings.redis, 'passkey', { ip: clientIpOf(c) })
    return authenticationOptions(surroundings, { purpose: 'sign_in', holder: bindBrowser(c) })
  }),

  endpoint(passkeyOperations.signIn, async ({ c, surroundings, body: { response } }) => {
    await limitAttempts(surroundings.redis, 'passkey', { ip: clientIpOf(c) })
    const holder = browserOf(c)
    const used = holder === null ? null : await verifyPasskey(surroundings, { purpose: 'sign_in', holder }, response)
    if (!used) throw refused()
    return openSession(c, { userId: used.userId, method: 'passkey', secondFactor: true })
  }),

  endpoint(passkeyOperations.beginReauthentication, async ({ c, surroundings, caller: { userId, sessionId } }) => {
    await limitAttempts(surroundings.redis, 'passkey', { ip: clientIpOf(c), account: userId })
    const known = await listPasskeys(surroundings.db, userId)
    return authenticationOptions(surroundings, { purpose: 'reauthenticate', holder: sessionId }, known)
  }),

  endpoint(passkeyOperations.reauthenticate, async ({ c, surroundings, platform, caller: { userId, sessionId }, body: { response } }) => {
    await limitAttempts(surroundings.redis, 'passkey', { ip: clientIpOf(c), account: userId })
    const used = await verifyPasskey(surroundings, { purpose: 'reauthenticate', holder: sessionId }, response)
    if (used?.userId !== userId) throw refused()
    await reauthenticate(platform, { userId, sessionId, passkeyId: used.passkeyId })
  }),
]

const refusals = {
  credential_known: 'This passkey is registered already.',
  too_many: `An account may have at most ${maxPasskeys} passkeys. Remove one first.`,
  account_gone: 'The account was deleted.',
}

/** One text for all that can be wrong, so that nothing is told of who has which passkey. */
function refused(): Problem {
  return new Problem('sign_in_failed', 'The passkey was not accepted. Begin again.')
}

function unknownPasskey(): Problem {
  return new Problem('not_found', 'There is no such passkey.')
}

function passkeyOf({ createdAt, lastUsedAt, ...row }: PasskeyRow): Passkey {
  return { ...row, createdAt: createdAt.toISOString(), lastUsedAt: lastUsedAt?.toISOString() ?? null }
}
