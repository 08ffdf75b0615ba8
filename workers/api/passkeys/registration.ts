import { generateRegistrationOptions, verifyRegistrationResponse } from '@simplewebauthn/server'
import { decodeClientDataJSON, isoBase64URL } from '@simplewebauthn/server/helpers'
import type { z } from 'zod'
import type { RegistrationOptions, RegistrationResponse } from '#shared/contracts/api/passkeys.ts'
import type { Person } from '../caller/caller.ts'
import type { Surroundings } from '../env.ts'
import { passkeySeconds } from '../limits.ts'
import { keepChallenge, takeChallenge } from './challenges.ts'
import { algorithms, relyingPartyOf } from './relying-party.ts'

/** A credential as its authenticator made it. */
export interface NewCredential {
  credentialId: string
  /** COSE key, base64url. */
  publicKey: string
  counter: number
  transports: string[]
  backedUp: boolean
}

/** Options to make a passkey with, and the challenge in them kept for this session. `known` are the person's own, which are not made again. */
export async function registrationOptions(
  surroundings: Surroundings,
  { userId, sessionId, email }: Person,
  known: { credentialId: string; transports: string[] }[],
): Promise<z.input<typeof RegistrationOptions>> {
  const { id, name } = relyingPartyOf(surroundings)
  const timeout = passkeySeconds * 1_000
  const options = await generateRegistrationOptions({
    rpID: id,
    rpName: name,
    userID: isoBase64URL.toBuffer(isoBase64URL.fromUTF8String(userId)),
    userName: email,
    userDisplayName: email,
    timeout,
    attestationType: 'none',
    excludeCredentials: known.map(({ credentialId, transports }) => ({ id: credentialId, transports })),
    supportedAlgorithmIDs: algorithms,
  })
  await keepChallenge(surroundings.redis, { purpose: 'register', holder: sessionId }, options.challenge)
  const authenticatorSelection = { residentKey: 'required', requireResidentKey: true, userVerification: 'required' } as const
  return {
    ...options,
    rp: { id, name },
    timeout,
    excludeCredentials: options.excludeCredentials ?? [],
    authenticatorSelection,
    attestation: 'none',
  }
}

/** The credential that an authenticator made for a challenge of this session; null when it is not what was asked for. Throws 503 without Redis. */
export async function verifyRegistration(
  surroundings: Surroundings,
  { sessionId }: Person,
  response: RegistrationResponse,
): Promise<NewCredential | null> {
  const challenge = challengeOf(response.response.clientDataJSON)
  if (challenge === null || !(await takeChallenge(surroundings.redis, { purpose: 'register', holder: sessionId }, challenge))) return null
  const { id, origin } = relyingPartyOf(surroundings)
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: id,
      requireUserVerification: true,
      supportedAlgorithmIDs: algorithms,
    })
    if (!verified) return null
    const { credential, credentialBackedUp } = registrationInfo
    const publicKey = isoBase64URL.fromBuffer(credential.publicKey)
    const { transports } = response.response
    return { credentialId: credential.id, publicKey, counter: credential.counter, transports, backedUp: credentialBackedUp }
  } catch {
    return null // The library tells what is wrong with an answer by throwing.
  }
}

/** The challenge that a browser says it answers; null when it says nothing readable. What is signed is checked later. */
export function challengeOf(clientDataJSON: string): string | null {
  try {
    const { challenge } = decodeClientDataJSON(clientDataJSON)
    return typeof challenge === 'string' ? challenge : null
  } catch {
    return null
  }
}
