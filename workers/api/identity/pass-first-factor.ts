import type { Context } from 'hono'
import { readSecondFactor } from '#db/queries/accounts/read-second-factor.ts'
import type { SignInAnswer } from '#shared/contracts/api/sign-in.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { ApiContext } from '../env.ts'
import { type Identified, openSession } from './open-session.ts'
import { signChallenge } from './second-factor-challenge.ts'

/** Goes on after a first factor that was right: signs in, or asks for the second factor of who has one. */
export async function passFirstFactor(
  c: Context<ApiContext>,
  { userId, method }: Pick<Identified, 'userId' | 'method'>,
): Promise<SignInAnswer> {
  const { surroundings } = c.var
  const factor = await readSecondFactor(surroundings.db, userId)
  if (!factor) throw new Problem('sign_in_failed', 'The account no longer exists.')
  if (factor.totpEnabledAt) return { outcome: 'second_factor_required', challenge: await signChallenge(surroundings, { userId, method }) }
  return openSession(c, { userId, method, secondFactor: false })
}
