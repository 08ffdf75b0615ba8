import type { Context } from 'hono'
import type { Standing } from '#db/queries/accounts/read-caller.ts'
import { grantOf } from '#shared/access/matrix.ts'
import type { ApiOperation } from '#shared/contracts/api/operation.ts'
import { parameters } from '#shared/contracts/api/parameters.ts'
import { Problem } from '#workers/edge/problem.ts'
import type { ApiContext } from '../env.ts'
import { freshMs } from '../limits.ts'
import { authenticate } from './authenticate.ts'
import { type Caller, callerIdOf, type Scope } from './caller.ts'

/** Lets a request pass only when its caller may do this operation, as the access matrix says. Throws the 401, 403 or 404 that it is refused with. */
export async function guard(c: Context<ApiContext>, operation: ApiOperation): Promise<{ caller: Caller | null; scope: Scope | null }> {
  const { access } = operation
  if (access === 'public') return { caller: null, scope: null }
  if (access === 'person') {
    const { caller } = await authenticate(c, null)
    refuseUnfit(caller, operation)
    if (caller.type !== 'person') throw new Problem('access_denied', 'This is for people who are signed in, and not for management keys.')
    return { caller, scope: null }
  }
  const organizationId = parameters.organizationId.safeParse(c.req.param('organizationId')).data ?? ''
  const { caller, standing } = await authenticate(c, organizationId)
  // Another tenant's organization does not exist, and neither does one that was left.
  if (!standing) throw new Problem('not_found', 'There is no such organization.')
  const grant = grantOf(access, standing.role)
  if (grant === 'no') throw new Problem('access_denied', `The role ${standing.role} may not do this (${access}).`)
  refuseUnfit(caller, operation)
  refuseUnfitOrganization(caller, standing, operation)
  return { caller, scope: { organizationId, role: standing.role, grant, callerId: callerIdOf(caller) } }
}

function refuseUnfit(caller: Caller, { peopleOnly = false, fresh = false }: ApiOperation): void {
  if (caller.type === 'management_key') {
    if (peopleOnly || fresh) throw new Problem('access_denied', 'A management key may not do this; a person has to.')
    return
  }
  if (fresh && Date.now() - caller.authenticatedAtMs > freshMs)
    throw new Problem('fresh_sign_in_required', 'Show once more who you are (POST /api/auth/reauthenticate), then try again.')
}

function refuseUnfitOrganization(caller: Caller, standing: Standing, { method, ...operation }: ApiOperation): void {
  const lacksFactor = standing.requiresTwoFactor && caller.type === 'person' && !caller.hasSecondFactor
  if (lacksFactor && !operation.withoutSecondFactor)
    throw new Problem('second_factor_required', 'This organization requires a second factor. Set one up and sign in with it.')
  if (standing.isSuspended && method !== 'GET' && !operation.whileSuspended)
    throw new Problem('organization_suspended', 'The organization is suspended: nothing of it can be changed. Contact support.')
}
