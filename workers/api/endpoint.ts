import type { Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import type { Transact } from '#db/client.ts'
import type { Access, ApiOperation, ParametersOf } from '#shared/contracts/api/operation.ts'
import { parameterNames } from '#shared/contracts/api/operation.ts'
import { parameters } from '#shared/contracts/api/parameters.ts'
import { assert } from '#shared/values/assert.ts'
import { parseBody, parseQuery, pathId } from '#workers/edge/parse.ts'
import type { Platform } from '#workers/services/platform.ts'
import { callPlatform } from './call-platform.ts'
import { type Caller, callerIdOf, type Person, type Scope } from './caller/caller.ts'
import { guard } from './caller/guard.ts'
import type { ApiContext, Surroundings } from './env.ts'
import { idempotencyKeyOf, type Made, once } from './idempotency.ts'
import { maxBodyBytes } from './limits.ts'

type CallerOf<Who extends Access> = Who extends 'public' ? null : Who extends 'person' ? Person : Caller
type ScopeOf<Who extends Access> = Who extends 'public' | 'person' ? null : Scope

/** What a handler gets: all of it parsed and allowed. */
export interface Call<Path extends string, Query, Body, Who extends Access = Access> {
  /** For cookies, headers and streams alone. */
  c: Context<ApiContext>
  params: ParametersOf<Path>
  query: Query
  body: Body
  caller: CallerOf<Who>
  scope: ScopeOf<Who>
  surroundings: Surroundings
  /** For the verbs: who asks is in it. */
  platform: Platform
}

/** An operation with what carries it out. */
export interface Endpoint {
  operation: ApiOperation
  handle(c: Context<ApiContext>): Promise<Response>
}

/**
 * Carries out an operation. The answer passes through the contract, so that a column nobody thought of cannot leak; a `Response` passes as it is, for
 * what is not JSON.
 */
export function endpoint<
  const Path extends string,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Answer extends z.ZodType,
  const Who extends Access,
>(
  operation: ApiOperation<Path, Query, Body, Answer, Who>,
  carryOut: (call: Call<Path, z.output<Query>, z.output<Body>, Who>) => Promise<z.input<Answer> | Response>,
): Endpoint {
  return {
    operation,
    async handle(c) {
      const { caller, scope } = await guard(c, operation)
      const params = Object.fromEntries(parameterNames(operation.path).map((name) => [name, pathId(c, name, parameterOf(name))]))
      const query = operation.query && parseQuery(operation.query, c.req.queries())
      const body = operation.body && (await parseBody(operation.body, c.req.raw, maxBodyBytes))
      const { surroundings } = c.var
      const carriedOut = (platform: Platform) => {
        const call = { c, params, query, body, caller, scope, surroundings, platform }
        // What `guard` and the parsers answered has the types that the operation's own literals give it.
        return carryOut(call as unknown as Call<Path, z.output<Query>, z.output<Body>, Who>)
      }
      const platform = callPlatform(c, caller)
      const key = operation.idempotent && caller ? idempotencyKeyOf(c) : null
      if (caller && key !== null) {
        const keyed = { operation, callerId: callerIdOf(caller), body }
        const perform = async (transact: Transact) => madeOf(operation, await carriedOut({ ...platform, transact }))
        return shaped(c, await once(c, key, keyed, perform))
      }
      const answer = await carriedOut(platform)
      return answer instanceof Response ? answer : shaped(c, madeOf(operation, answer))
    },
  }
}

/** What is answered: all that the contract names, and nothing else. */
function madeOf(operation: ApiOperation, answer: unknown): Made {
  assert(!(answer instanceof Response), `${operation.id} answers JSON, which can be given again`)
  if (!operation.answer) return { status: 204, json: null }
  return { status: operation.status ?? 200, json: operation.answer.parse(answer) as object }
}

function shaped(c: Context<ApiContext>, { status, json }: Made): Response {
  return json === null ? c.body(null, 204) : c.json(json, status as ContentfulStatusCode)
}

/** Puts endpoints into a router, under the method and path that their operations name. */
export function mount(app: Hono<ApiContext>, endpoints: readonly Endpoint[]): void {
  for (const { operation, handle } of endpoints) app.on(operation.method, operation.path, handle)
}

/** The contract of a path's parameter. */
export function parameterOf(name: string): z.ZodType<string> {
  const schema = Object.entries(parameters).find(([known]) => known === name)?.[1]
  assert(schema, `${name} is a parameter that paths may have`)
  return schema
}
