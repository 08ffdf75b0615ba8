import { ApiError } from '#workers/edge/api-error.ts'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'
import type { Dialect } from './dialects/dialect.ts'

/** Reads a request's body whole, up to its dialect's cap; throws 413 or 415. */
export async function readRequestBody(
  request: Request,
  { mediaType, maxBodyBytes }: Pick<Dialect, 'mediaType' | 'maxBodyBytes'>,
): Promise<Uint8Array> {
  const given = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (given !== mediaType || request.headers.has('content-encoding')) {
    throw new ApiError('unsupported_media_type', { message: `Send the body as \`Content-Type: ${mediaType}\`, not encoded.` })
  }
  const bytes = await readBoundedBody(request, maxBodyBytes)
  if (!bytes) throw new ApiError('request_too_large', { message: `The body may have at most ${maxBodyBytes} bytes.` })
  return bytes
}
