import { generateAuthenticationOptions, verifyAuthenticationResponse } from '@simplewebauthn/server'
import { isoBase64URL } from '@simplewebauthn/server/helpers'
import type { z } from 'zod'
import { findPasskey } from '#db/queries/accounts/find-passkey.ts'
import { notePasskeyUse } from '#db/queries/accounts/note-passkey-use.ts'
import type { AuthenticationOptions, AuthenticationResponse } from '#shared/contracts/api/passkeys.ts'
import type { Surroundings } from '../env.ts'
import { passkeySeconds } from '../limits.ts'
import { type ChallengeHolder, keepChallenge, takeChallenge } from './challenges.ts'
import { challengeOf } from './registration.ts'
import { relyingPartyOf } from './relying-party.ts'

/** Options to use a passkey with, and the challenge in them kept for its holder. Without `allowed` the browser offers what it has for this site. */
export async function authenticationOptions(
  surroundings: Surroundings,
  given: ChallengeHolder,
  allowed?: { credentialId: string; transports: string[] }[],
): Promise<z.input<typeof AuthenticationOptions>> {
  const { id: rpId } = relyingPartyOf(surroundings)
  const timeout = passkeySeconds * 1_000
  const allowCredentials = allowed?.map(({ credentialId, transports }) => ({ id: credentialId, transports }))
  const options = await generateAuthenticationOptions({
    rpID: rpId,
    timeout,
    userVerification: 'required',
    ...(allowCredentials && { allowCredentials }),
  })
  await keepChallenge(surroundings.redis, given, options.challenge)
  return { rpId, challenge: options.challenge, timeout, userVerification: 'required', allowCredentials: options.allowCredentials }
}

/**
 * Whose passkey answered a challenge of this holder; null when it is unknown, its owner has gone, or anything about the answer is not right. Notes the use:
 * an authenticator that counts must be ahead of what is stored, or it is a copy. Throws 503 without Redis.
 */
export async function verifyPasskey(
  surroundings: Surroundings,
  given: ChallengeHolder,
  response: AuthenticationResponse,
): Promise<{ userId: string; passkeyId: string } | null> {
  const challenge = challengeOf(response.response.clientDataJSON)
  if (challenge === null || !(await takeChallenge(surroundings.redis, given, challenge))) return null
  const passkey = await findPasskey(surroundings.db, response.id)
  if (!passkey || !isOwner(passkey.userId, response.response.userHandle, given)) return null
  const answered = await verifyAnswer(surroundings, response, challenge, passkey)
  if (!answered) return null
  const { userId, passkeyId } = passkey
  return (await notePasskeyUse(surroundings.db, { passkeyId, ...answered })) ? { userId, passkeyId } : null
}

async function verifyAnswer(
  surroundings: Surroundings,
  { response: { userHandle: _, ...answer }, ...response }: AuthenticationResponse,
  expectedChallenge: string,
  { credentialId, publicKey, counter }: { credentialId: string; publicKey: string; counter: number },
): Promise<{ counter: number; backedUp: boolean } | null> {
  const { id, origin } = relyingPartyOf(surroundings)
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: { ...response, response: answer },
      expectedChallenge,
      expectedOrigin: origin,
      expectedRPID: id,
      credential: { id: credentialId, publicKey: isoBase64URL.toBuffer(publicKey), counter },
      requireUserVerification: true,
    })
    return verified ? { counter: authenticationInfo.newCounter, backedUp: authenticationInfo.credentialBackedUp } : null
  } catch {
    return null // The library tells what is wrong with an answer by throwing.
  }
}

/** An authenticator names the user it was registered for; it must do so where nobody else has (WebAuthn, section 7.2, step 6). */
function isOwner(userId: string, userHandle: string | null | undefined, { purpose }: ChallengeHolder): boolean {
  return userHandle ? userHandle === isoBase64URL.fromUTF8String(userId) : purpose !== 'sign_in'
}
