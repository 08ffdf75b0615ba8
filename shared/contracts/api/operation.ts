import type { z } from 'zod'
import type { Permission } from '../../access/matrix.ts'
import type { parameters } from './parameters.ts'

/** Names of the parameters in a path such as `/api/organizations/:organizationId`. */
export type ParameterOf<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParameterOf<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never

/**
 * Who may ask: everybody (`public`), whoever is signed in as a person (`person`), or members and management keys of the organization that the path
 * names, by a permission of the access matrix.
 */
export type Access = 'public' | 'person' | Permission

/** One operation of the API, told once: the router, its guard, the OpenAPI document, the typed client and the tests are made from it. */
export interface ApiOperation<
  Path extends string = string,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
  Who extends Access = Access,
> {
  /** `operationId` of OpenAPI, such as `keys.create`. */
  id: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: Path
  access: Who
  /** A line for people: what it does. */
  summary: string
  /** What a reader must know beside that, in Markdown. */
  description?: string
  query?: Query
  body?: Body
  /** Absent: 204 without a body. */
  answer?: Answer
  /** Of success; 200 with an answer and 204 without one when absent. */
  status?: 200 | 201 | 202 | 204 | 302
  /** Another media type than JSON, which the endpoint writes by itself, such as `text/csv`. */
  media?: string
  /** A management key may not do it: it is about a person, or gives the organization away. */
  peopleOnly?: boolean
  /** The session must have been authenticated within the last ten minutes. */
  fresh?: boolean
  /** Allowed also to members who still lack the second factor that their organization requires. */
  withoutSecondFactor?: boolean
  /** Allowed also while the organization is suspended, although it changes something. */
  whileSuspended?: boolean
  /** A creation that takes the header Idempotency-Key. `secret`: its answer holds one, and is not kept to be given again. */
  idempotent?: 'answer' | 'secret'
}

/** Keeps the types of what is given; a path may only have parameters that `parameters.ts` knows. */
export function operation<
  const Path extends string,
  Query extends z.ZodType = z.ZodNever,
  Body extends z.ZodType = z.ZodNever,
  Answer extends z.ZodType = z.ZodVoid,
  const Who extends Access = Access,
>(
  given: ApiOperation<Path, Query, Body, Answer, Who> & (ParameterOf<Path> extends keyof typeof parameters ? object : never),
): ApiOperation<Path, Query, Body, Answer, Who> {
  return given
}

/** The parsed parameters of a path. */
export type ParametersOf<Path extends string> = { [Name in ParameterOf<Path>]: string }

/** Names of a path's parameters, in order. */
export function parameterNames(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
}
