import { ApiError } from '#workers/edge/api-error.ts'
import type { StreamEnd } from './stream-answer.ts'
import type { UpstreamAnswer } from './upstream/call.ts'
import { UpstreamFailure } from './upstream/failure.ts'

/**
 * An answer of bytes that nobody looks into, such as speech: piped natively to the client once the first of them are there. Throws when it is something
 * else, or nothing.
 */
export async function relayMedia({ response, cancel }: UpstreamAnswer): Promise<{
  readable: ReadableStream<Uint8Array>
  contentType: string
  ended: Promise<StreamEnd>
}> {
  const contentType = response.headers.get('content-type') ?? ''
  const isMedia = /^(?:audio|image)\/[\w.+-]+(?:;\s*[\w=." -]+)?$|^application\/octet-stream$/.test(contentType)
  const first = isMedia && response.body ? await firstBytes(response.body) : null
  if (!response.body || !first) {
    cancel()
    throw new UpstreamFailure(new ApiError('upstream_error'), { outcome: 'failed', status: 200, mayMoveOn: false })
  }
  const { readable, writable } = new IdentityTransformStream()
  return { readable, contentType, ended: pipe(first, response.body, writable) }
}

/** Null when the body ends or breaks before it has begun: then nothing was delivered, and nothing is charged. */
async function firstBytes(body: ReadableStream<Uint8Array>): Promise<Uint8Array | null> {
  const reader = body.getReader()
  try {
    const { value } = await reader.read()
    return value ?? null
  } catch {
    return null
  } finally {
    reader.releaseLock()
  }
}

/** Which side ended a pipe is told by whether the other one can still be written to. */
async function pipe(first: Uint8Array, body: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>): Promise<StreamEnd> {
  try {
    const writer = writable.getWriter()
    await writer.write(first).finally(() => writer.releaseLock())
    await body.pipeTo(writable, { preventAbort: true })
    return 'completed'
  } catch (error) {
    const isClientThere = await writable.abort(error).then(
      () => true,
      () => false,
    )
    await body.cancel().catch(() => undefined)
    return isClientThere ? 'broken' : 'client_left'
  }
}
