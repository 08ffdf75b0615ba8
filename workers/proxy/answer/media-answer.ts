import { ApiError } from '#workers/edge/api-error.ts'
import { upstreamSilenceMs } from '../limits.ts'
import type { UpstreamAnswer } from '../upstream/call.ts'
import { UpstreamFailure } from '../upstream/failure.ts'
import type { StreamEnd } from './stream-answer.ts'

/** Media on its way to the client. */
export interface RelayedMedia {
  readable: ReadableStream<Uint8Array>
  contentType: string
  /** Settles when all has been passed on, or as much as goes. Never rejects. */
  ended: Promise<StreamEnd>
  /** How long the upstream has been waited for; 0 while it is the client that is. */
  silentMs(): number
}

/** Relays bytes that nobody looks into, such as speech, once the first of them are there. Throws when they are something else, or none. */
export async function relayMedia({ response, cancel }: UpstreamAnswer): Promise<RelayedMedia> {
  const contentType = response.headers.get('content-type') ?? ''
  const isMedia = /^(?:audio|image)\/[\w.+-]+(?:;\s*[\w=." -]+)?$|^application\/octet-stream$/.test(contentType)
  const reader = isMedia ? response.body?.getReader() : undefined
  const timer = setTimeout(cancel, upstreamSilenceMs)
  const first = await reader?.read().catch(() => undefined)
  clearTimeout(timer)
  if (!reader || !first?.value) {
    cancel()
    throw new UpstreamFailure(new ApiError('upstream_error'), { outcome: 'failed', status: 200, mayMoveOn: false })
  }
  const { readable, writable } = new IdentityTransformStream()
  let waitsSinceMs: number | null = null
  const next = async () => {
    waitsSinceMs = Date.now()
    const { value } = await reader.read()
    waitsSinceMs = null
    return value
  }
  const ended = copy(first.value, next, writable.getWriter()).finally(() => reader.cancel().catch(() => undefined))
  return { readable, contentType, ended, silentMs: () => (waitsSinceMs === null ? 0 : Date.now() - waitsSinceMs) }
}

async function copy(
  first: Uint8Array,
  next: () => Promise<Uint8Array | undefined>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<StreamEnd> {
  let bytes: Uint8Array | undefined = first
  while (bytes) {
    const isThere = await writer.write(bytes).then(
      () => true,
      () => false,
    )
    if (!isThere) return 'client_left'
    try {
      bytes = await next()
    } catch (error) {
      // Never closed, so that half an answer does not look like a whole one.
      await writer.abort(error).catch(() => undefined)
      return 'broken'
    }
  }
  return writer.close().then(
    () => 'completed',
    () => 'client_left',
  )
}
