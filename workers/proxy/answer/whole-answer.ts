import { ApiError } from '#workers/edge/api-error.ts'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'
import { type Dialect, emptyReading, type Reading } from '../dialects/dialect.ts'
import { answerBodyBytes } from '../limits.ts'
import type { UpstreamAnswer } from '../upstream/call.ts'
import { UpstreamFailure } from '../upstream/failure.ts'

/** Reads an answer of one JSON value. Its bytes go to the client as they are; throws when they are no answer. */
export async function readWholeAnswer(
  { response, cancel }: UpstreamAnswer,
  dialect: Dialect,
): Promise<{ bytes: Uint8Array; reading: Reading }> {
  const bytes = await readBoundedBody(response, answerBodyBytes).catch(() => null)
  if (!bytes) {
    cancel()
    throw brokenAnswer()
  }
  const reading = emptyReading()
  const value = parseObject(bytes)
  dialect.observe(reading, value)
  // An error in place of an answer, though the status said otherwise: nothing was made, and another route may do better.
  if (reading.failed) throw new UpstreamFailure(new ApiError('upstream_error'), { outcome: 'failed_first', status: 200, mayMoveOn: true })
  return { bytes, reading }
}

function parseObject(bytes: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Falls through: a page in HTML and a half answer are the same fault.
  }
  throw brokenAnswer()
}

/** The upstream has worked and may charge for it, so nobody else is asked. */
function brokenAnswer(): UpstreamFailure {
  return new UpstreamFailure(new ApiError('upstream_error'), { outcome: 'failed', status: 200, mayMoveOn: false })
}
