import { ApiError } from '#workers/edge/api-error.ts'
import { joinBytes } from './dialects/server-sent-events.ts'
import { requestBodyBytes } from './limits.ts'

/** Reads a JSON request's body whole, up to the cap; throws 413 or 415. */
export async function readRequestBody(request: Request): Promise<Uint8Array> {
  const { headers, body } = request
  const mediaType = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json' || headers.has('content-encoding')) throw new ApiError('unsupported_media_type')
  if (Number(headers.get('content-length') ?? 0) > requestBodyBytes) throw tooLarge()
  // A body of known length is read in one go, which costs a tenth of all that a small request costs.
  if (headers.has('content-length')) return new Uint8Array(await request.arrayBuffer())
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > requestBodyBytes) throw tooLarge()
    parts.push(part)
  }
  return joinBytes(parts)
}

function tooLarge(): ApiError {
  return new ApiError('request_too_large', { message: `The body may have at most ${requestBodyBytes} bytes.` })
}
