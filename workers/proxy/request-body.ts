import { ApiError } from '#workers/edge/api-error.ts'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'
import { requestBodyBytes } from './limits.ts'

/** Reads a JSON request's body whole, up to the cap; throws 413 or 415. */
export async function readRequestBody(request: Request): Promise<Uint8Array> {
  const mediaType = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json' || request.headers.has('content-encoding')) throw new ApiError('unsupported_media_type')
  const bytes = await readBoundedBody(request, requestBodyBytes)
  if (!bytes) throw new ApiError('request_too_large', { message: `The body may have at most ${requestBodyBytes} bytes.` })
  return bytes
}
