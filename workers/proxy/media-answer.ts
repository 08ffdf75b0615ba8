import { ApiError } from '#workers/edge/api-error.ts'
import type { StreamEnd } from './stream-answer.ts'
import type { UpstreamAnswer } from './upstream/call.ts'
import { UpstreamFailure } from './upstream/failure.ts'

/** An answer of bytes that nobody looks into, such as speech: piped natively to the client. Throws when it is something else. */
export function relayMedia({ response, cancel }: UpstreamAnswer): {
  readable: ReadableStream<Uint8Array>
  contentType: string
  ended: Promise<StreamEnd>
} {
  const contentType = response.headers.get('content-type') ?? ''
  if (!response.body || !/^(?:audio|image)\/[\w.+-]+(?:;\s*[\w=." -]+)?$|^application\/octet-stream$/.test(contentType)) {
    cancel()
    throw new UpstreamFailure(new ApiError('upstream_error'), { outcome: 'failed', status: 200, mayMoveOn: false })
  }
  const { readable, writable } = new IdentityTransformStream()
  return { readable, contentType, ended: pipe(response.body, writable) }
}

/** Which side ended a pipe is told by whether the other one can still be written to. */
async function pipe(body: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>): Promise<StreamEnd> {
  try {
    await body.pipeTo(writable, { preventAbort: true })
    return 'completed'
  } catch (error) {
    const isClientThere = await writable.abort(error).then(
      () => true,
      () => false,
    )
    return isClientThere ? 'broken' : 'client_left'
  }
}
