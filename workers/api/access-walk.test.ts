import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { matrix } from '#shared/access/matrix.ts'
import type { ApiOperation } from '#shared/contracts/api/operation.ts'
import { ProblemAnswer } from '#shared/contracts/api/problem.ts'
import { allEndpoints, apiApp } from './app.ts'
import { type CallerName, type Case, callers, isKey, newCase, roleOf, type State, states } from './testing/callers.ts'
import { pathOf } from './testing/paths.ts'
import { type Answer, type Stage, setStage } from './testing/stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage?.stop())

/** What the router has, whatever lists there are beside it. */
const routes = apiApp.routes.filter(({ method }) => method !== 'ALL')

const operationOf = ({ method, path }: { method: string; path: string }) =>
  allEndpoints.find(({ operation }) => operation.method === method && operation.path === path)?.operation

/** A refusal of the guard, by its code; or that the request came past it. */
type Decision = 'passes' | 'unauthenticated' | 'access_denied' | 'not_found' | Refusal
type Refusal = 'fresh_sign_in_required' | 'second_factor_required' | 'organization_suspended'

/** What ACCESS.md and the matrix say, told a second time: the guard is not asked. */
function expected(operation: ApiOperation, caller: CallerName, state: State): Decision {
  const { access } = operation
  if (access === 'public') return 'passes'
  if (caller === 'nobody') return 'unauthenticated'
  if (caller === 'relay key') return 'access_denied'
  const hasEnded = isKey(caller) ? state === 'removed' : state === 'session expired' || state === 'session revoked'
  if (hasEnded) return 'unauthenticated'
  if (access === 'person') return isKey(caller) ? 'access_denied' : unlessStale(operation, caller, state)
  const given = roleOf(caller)
  if (given === null || state === 'removed') return 'not_found'
  const role = state === 'demoted' ? 'viewer' : given
  if (matrix[access][role] === 'no') return 'access_denied'
  return isKey(caller) ? expectedOfKey(operation, state) : expectedOfMember(operation, caller, state)
}

/** Of one whose role may do it. */
function expectedOfKey(operation: ApiOperation, state: State): Decision {
  return operation.peopleOnly || operation.fresh ? 'access_denied' : unlessSuspended(operation, state)
}

function expectedOfMember(operation: ApiOperation, caller: CallerName, state: State): Decision {
  if (state === 'two factors required' && !operation.withoutSecondFactor) return 'second_factor_required'
  return state === 'suspended' ? unlessSuspended(operation, state) : unlessStale(operation, caller, state)
}

function unlessSuspended({ method, whileSuspended }: ApiOperation, state: State): Decision {
  return state === 'suspended' && method !== 'GET' && !whileSuspended ? 'organization_suspended' : 'passes'
}

function unlessStale({ fresh }: ApiOperation, caller: CallerName, state: State): Decision {
  return fresh && !isKey(caller) && state === 'sign-in not fresh' ? 'fresh_sign_in_required' : 'passes'
}

const refusals = ['unauthenticated', 'access_denied', 'fresh_sign_in_required', 'second_factor_required', 'organization_suspended'] as const

/** What the answer shows of the guard's decision. What it lets pass ends as the operation likes, but never as a fault of ours. */
function decided({ status, json }: Answer, { access }: ApiOperation): string {
  const { code, detail } = ProblemAnswer.safeParse(json).data ?? {}
  // Nobody has set Stripe up here.
  if (status >= 500 && code !== 'payments_off') return `status ${status}`
  // Of everybody's operations, some end so by themselves: a refresh without a cookie.
  if (access === 'public') return code === 'access_denied' ? code : 'passes'
  if (code === 'not_found' && detail === 'There is no such organization.') return code
  return refusals.find((refusal) => refusal === code) ?? 'passes'
}

/** Whether it does something without a body, so that whom it lets pass may be gone afterwards. */
function isDoneAtOnce({ method, body }: ApiOperation): boolean {
  return method !== 'GET' && body === undefined
}

const shared = new Map<string, Promise<Case>>()

async function caseOf(operation: ApiOperation, caller: CallerName, state: State): Promise<Case> {
  if (isDoneAtOnce(operation)) return newCase(stage, caller, state)
  const name = `${caller}, ${state}`
  const known = shared.get(name) ?? newCase(stage, caller, state)
  shared.set(name, known)
  return known
}

/** Asks without a body, so that whatever needs one is let pass and then answered 415. */
async function ask(operation: ApiOperation, caller: CallerName, state: State): Promise<string[]> {
  const { organizationId, asking } = await caseOf(operation, caller, state)
  const answer = await stage.call(operation.method, pathOf(operation.path, { organizationId }), asking)
  const [wanted, seen] = [expected(operation, caller, state), decided(answer, operation)]
  return seen === wanted ? [] : [`${operation.id} by ${caller} (${state}): ${seen} instead of ${wanted}: ${answer.text.slice(0, 200)}`]
}

test('every route is an operation, and its access is public, of persons, or a row of the matrix', () => {
  const strangers = routes.filter((route) => {
    const access = operationOf(route)?.access
    return access === undefined || !(access === 'public' || access === 'person' || access in matrix)
  })
  expect(strangers).toEqual([])
  const ofOrganizations = allEndpoints.filter(({ operation: { access } }) => access in matrix)
  expect(ofOrganizations.filter(({ operation }) => !operation.path.startsWith('/api/organizations/:organizationId'))).toEqual([])
})

/** Whom a state says something about. */
function callersIn(state: State): CallerName[] {
  if (state === 'normal') return [...callers]
  const isOfPeople = state === 'demoted' || state.startsWith('session') || state.startsWith('sign-in')
  return callers.filter((caller) => roleOf(caller) !== null && !(isOfPeople && isKey(caller)))
}

describe.each(states)('%s', (state) => {
  test.each(callersIn(state))('%s', { timeout: 120_000 }, async (caller) => {
    const wrong: string[] = []
    for (let first = 0; first < routes.length; first += 8) {
      const some = routes.slice(first, first + 8).flatMap((route) => operationOf(route) ?? [])
      wrong.push(...(await Promise.all(some.map((operation) => ask(operation, caller, state)))).flat())
    }
    expect(wrong).toEqual([])
  })
})
