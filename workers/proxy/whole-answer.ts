import { ApiError } from '#workers/edge/api-error.ts'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'
import { emptyReading, type Reading, readAnswer } from './dialects/openai-chat-usage.ts'
import { answerBodyBytes } from './limits.ts'
import type { UpstreamAnswer } from './upstream/call.ts'

/** Reads an answer that is not streamed. Its bytes go to the client as they are; throws when they are no answer. */
export async function readWholeAnswer({ response, cancel }: UpstreamAnswer): Promise<{ bytes: Uint8Array; reading: Reading }> {
  const bytes = await readBoundedBody(response, answerBodyBytes).catch(() => null)
  if (!bytes) {
    cancel()
    throw new ApiError('upstream_error')
  }
  const reading = emptyReading()
  readAnswer(reading, parseAnswer(bytes))
  if (reading.failed) throw new ApiError('upstream_error')
  return { bytes, reading }
}

function parseAnswer(bytes: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof value === 'object' && value !== null && ('choices' in value || 'error' in value)) return value
  } catch {
    // Falls through: a page in HTML and a half answer are the same fault.
  }
  throw new ApiError('upstream_error')
}
