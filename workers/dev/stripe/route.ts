import type { z } from 'zod'
import { type Form, readParameters } from './parameters.ts'
import type { Call, Peer } from './peer.ts'

export interface Route {
  method: 'GET' | 'POST'
  path: string
  /** Reads the parameters, or refuses them; what it returns does the work. */
  prepare(form: Form): (peer: Peer, call: Call) => object | Promise<object>
}

/** An operation of the API. `path` has `:id` where an id stands. */
export function route<S extends z.ZodType>(
  operation: `${Route['method']} /${string}`,
  schema: S,
  run: (peer: Peer, parameters: z.output<S>, call: Call) => object | Promise<object>,
): Route {
  const [method, path = ''] = operation.split(' ')
  return {
    method: method === 'GET' ? 'GET' : 'POST',
    path,
    prepare(form) {
      const parameters = readParameters(schema, form)
      return (peer, call) => run(peer, parameters, call)
    },
  }
}

/** The ids in a path that fits a pattern; null when it does not. */
export function matchPath(pattern: string, path: string): string[] | null {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  if (wanted.length !== given.length) return null
  const ids: string[] = []
  for (const [index, part] of wanted.entries()) {
    const actual = given[index] ?? ''
    if (part === ':id' && actual !== '') ids.push(actual)
    else if (part !== actual) return null
  }
  return ids
}
