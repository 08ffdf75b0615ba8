import type { UpstreamAnswer } from '../upstream/call.ts'

/** What Node has not of the platform: a transform without a job, and a timer. For `vi.stubGlobal`, by name. */
export const platformGlobals = {
  IdentityTransformStream: TransformStream,
  scheduler: { wait: (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs)) },
}

/** The answer of an upstream that sends these pieces, and then ends or breaks. */
export function streamedAnswer(
  pieces: readonly (string | Uint8Array)[],
  { breaks = false, contentType = 'text/event-stream', cancel = (): void => undefined } = {},
): UpstreamAnswer {
  const encoder = new TextEncoder()
  const left = pieces.map((piece) => (typeof piece === 'string' ? encoder.encode(piece) : piece))
  const body = new ReadableStream({
    type: 'bytes',
    pull(controller: ReadableByteStreamController) {
      const piece = left.shift()
      if (piece) controller.enqueue(piece.slice())
      else if (breaks) controller.error(new Error('cut'))
      else {
        controller.close()
        controller.byobRequest?.respond(0)
      }
    },
  })
  return { response: new Response(body, { headers: { 'content-type': contentType } }), trace: undefined, cancel }
}
