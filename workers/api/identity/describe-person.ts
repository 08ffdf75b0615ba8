import type { Db } from '#db/client.ts'
import { readProfile } from '#db/queries/accounts/read-profile.ts'
import type { Me } from '#shared/contracts/api/me.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { Person } from '../caller/caller.ts'

/** Who is signed in, as they see themselves. */
export async function describePerson(db: Db, person: Person): Promise<Me> {
  const profile = await readProfile(db, person.userId)
  if (!profile) throw new Problem('unauthenticated', 'The account is deleted.')
  const { hasTotp, recoveryCodesLeft, identities, ...rest } = profile
  const { sessionId, authenticatedAtMs, hasSecondFactor } = person
  return {
    ...rest,
    twoFactor: { enabled: hasTotp, recoveryCodesLeft },
    identities: identities.map(({ createdAtMs, ...each }) => ({ ...each, createdAt: new Date(createdAtMs).toISOString() })),
    session: { sessionId, authenticatedAt: new Date(authenticatedAtMs).toISOString(), hasSecondFactor },
  }
}
