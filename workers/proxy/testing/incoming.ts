import { ApiError } from '#workers/edge/api-error.ts'
import type { Call, Dialect, Incoming } from '../dialects/dialect.ts'

const rest = { url: new URL('https://relay.test/'), pathModel: null }

/** A request with a JSON body, or with a text in its place. */
export function incomingJson(body: object | string): Incoming {
  const bytes = new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body))
  return { bytes, headers: new Headers({ 'content-type': 'application/json' }), ...rest }
}

/** A request with a form of these fields and files, as a platform's own client would write it. */
export async function incomingForm(entries: readonly (readonly [string, string | File])[]): Promise<Incoming> {
  const form = new FormData()
  for (const [name, value] of entries) form.append(name, value)
  const written = new Response(form)
  return { headers: written.headers, bytes: new Uint8Array(await written.arrayBuffer()), ...rest }
}

/** What a dialect says of a request that it does not read. */
export async function refusalOf<C extends Call>(dialect: Dialect<C>, incoming: Incoming): Promise<ApiError> {
  try {
    await dialect.read(incoming)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('it was read')
}
