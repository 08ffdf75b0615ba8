import type { Context } from 'hono'
import type { SecondFactorProof } from '#shared/contracts/api/second-factor.ts'
import type { SignedIn } from '#shared/contracts/api/sign-in.ts'
import { Problem } from '#workers/edge/problem.ts'
import { callPlatform, clientIpOf } from '../call-platform.ts'
import type { ApiContext } from '../env.ts'
import { limitAttempts } from './attempt-limits.ts'
import { openSession } from './open-session.ts'
import { returnChallenge, spendChallenge, verifyChallenge } from './second-factor-challenge.ts'
import { readProof, takeProof } from './second-factor-proof.ts'

/** Signs in who has shown the first factor before and shows the second now. A challenge signs in once; a wrong code leaves it for another. */
export async function passSecondFactor(c: Context<ApiContext>, challenge: string, proof: SecondFactorProof): Promise<SignedIn> {
  const { surroundings } = c.var
  const passed = await verifyChallenge(surroundings, challenge)
  await limitAttempts(surroundings.redis, 'second_factor', { ip: clientIpOf(c), account: passed?.userId ?? null })
  if (!passed || !(await spendChallenge(surroundings.redis, passed.challengeId)))
    throw new Problem('sign_in_failed', 'The challenge is too old, or was used. Begin the sign-in again.')
  const { userId, method, challengeId } = passed
  let isTaken = false
  try {
    isTaken = await showSecondFactor(c, userId, proof)
  } finally {
    if (!isTaken) await returnChallenge(surroundings.redis, challengeId)
  }
  if (!isTaken) throw new Problem('sign_in_failed', 'The code is wrong, or was used before.')
  return openSession(c, { userId, method, secondFactor: true })
}

/** Takes a proof of somebody who is not signed in yet; false when it is wrong. */
async function showSecondFactor(c: Context<ApiContext>, userId: string, given: SecondFactorProof): Promise<boolean> {
  const { surroundings } = c.var
  const proof = await readProof(surroundings, userId, given)
  const actor = { ...callPlatform(c, null).actor, id: userId }
  return proof !== null && (await surroundings.transact((tx) => takeProof(tx, actor, userId, proof)))
}
