import { ApiError } from '#workers/edge/api-error.ts'
import { emptyReading, type Reading, readAnswer } from './dialects/openai-chat-usage.ts'
import { joinBytes } from './dialects/server-sent-events.ts'
import { answerBodyBytes } from './limits.ts'
import type { UpstreamAnswer } from './upstream/call.ts'

/** Reads an answer that is not streamed. Its bytes go to the client as they are; throws when they are no answer. */
export async function readWholeAnswer({
  response,
  cancel,
}: UpstreamAnswer): Promise<{ bytes: ArrayBuffer | Uint8Array; reading: Reading }> {
  if (Number(response.headers.get('content-length') ?? 0) > answerBodyBytes) {
    cancel()
    throw new ApiError('upstream_error')
  }
  const bytes = await readBytes(response).catch((error: unknown) => {
    cancel()
    throw error instanceof ApiError ? error : new ApiError('upstream_error')
  })
  const reading = emptyReading()
  readAnswer(reading, parseAnswer(bytes))
  if (reading.failed) throw new ApiError('upstream_error')
  return { bytes, reading }
}

/** An announced length bounds what is read, unless the body is compressed: then, and without one, each part is counted. */
async function readBytes(response: Response): Promise<ArrayBuffer | Uint8Array> {
  const { headers, body } = response
  if (headers.has('content-length') && !headers.has('content-encoding')) return response.arrayBuffer()
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > answerBodyBytes) throw new ApiError('upstream_error')
    parts.push(part)
  }
  return joinBytes(parts)
}

function parseAnswer(bytes: ArrayBuffer | Uint8Array): object {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof value === 'object' && value !== null && ('choices' in value || 'error' in value)) return value
  } catch {
    // Falls through: a page in HTML and a half answer are the same fault.
  }
  throw new ApiError('upstream_error')
}
