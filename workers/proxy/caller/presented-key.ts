import { ApiError } from '#workers/edge/api-error.ts'

/**
 * The key of a request, from any of the three headers that OpenAI's, Anthropic's and Gemini's clients use; an empty header is none. Throws 401 when
 * there is no key, two that differ, or one in the URL, where it would stand in logs. Does not look at the form of the key.
 */
export function presentedKey({ headers, url }: Request): string {
  if (url.includes('?') && [...new URL(url).searchParams.keys()].some((name) => queryKeys.has(name.toLowerCase()))) {
    throw new ApiError('api_key_in_query')
  }
  const bearer = headers.get('authorization')
  const candidates = [bearer === null ? null : bearerToken(bearer), headers.get('x-api-key'), headers.get('x-goog-api-key')]
  const keys = new Set(candidates.flatMap((candidate) => candidate || []))
  if (keys.size > 1) throw new ApiError('conflicting_api_keys')
  const [key] = keys
  if (key === undefined) throw new ApiError('missing_api_key')
  return key
}

const queryKeys = new Set(['key', 'api_key', 'api-key', 'apikey', 'access_token', 'x-api-key', 'x-goog-api-key'])

function bearerToken(authorization: string): string {
  const match = /^Bearer +(\S+) *$/i.exec(authorization)
  if (!match?.[1]) throw new ApiError('invalid_api_key', { message: 'The authorization header must read `Bearer <key>`.' })
  return match[1]
}
