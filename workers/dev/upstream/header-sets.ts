/** The headers of one request: what differs from request to request, and a shared rest. */
export type HeaderSet = {
  shared: Readonly<Record<string, string>>
  requestId: string | null
  contentLength: string | null
  /** Whether the key was right, in whichever header the provider takes it. */
  authorization: string | null
}

// A key is never kept, wherever it stands.
const keyHeaders = new Set(['authorization', 'x-api-key', 'x-goog-api-key', 'x-management-key'])

// A relay sends the same headers again and again; past this many sets somebody is not a relay.
const maxSets = 1_000

/**
 * Keeps the headers of 200,000 requests small: everything but the request id, the length and the key is stored once.
 * The key itself is never kept; the dialect writes `right` once it has judged it.
 */
export class HeaderSets {
  readonly #sets = new Map<string, Readonly<Record<string, string>>>()

  take(rawHeaders: readonly string[]): HeaderSet {
    const set: HeaderSet = { shared: {}, requestId: null, contentLength: null, authorization: null }
    let shape = ''
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = (rawHeaders[index] ?? '').toLowerCase()
      const value = rawHeaders[index + 1] ?? ''
      if (name === 'x-request-id') set.requestId = value
      else if (name === 'content-length') set.contentLength = value
      else if (keyHeaders.has(name)) set.authorization = 'wrong'
      else shape += `${name}\n${value}\n`
    }
    set.shared = this.#share(shape)
    return set
  }

  read(set: HeaderSet): Record<string, string> {
    return {
      ...set.shared,
      ...(set.requestId === null ? {} : { 'x-request-id': set.requestId }),
      ...(set.contentLength === null ? {} : { 'content-length': set.contentLength }),
      ...(set.authorization === null ? {} : { authorization: set.authorization }),
    }
  }

  #share(shape: string): Readonly<Record<string, string>> {
    const known = this.#sets.get(shape)
    if (known) return known
    const headers = parseShape(shape)
    if (this.#sets.size < maxSets) this.#sets.set(shape, headers)
    return headers
  }
}

function parseShape(shape: string): Record<string, string> {
  const headers: Record<string, string> = {}
  const lines = shape.split('\n')
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const name = lines[index] ?? ''
    const value = lines[index + 1] ?? ''
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value
  }
  return headers
}
