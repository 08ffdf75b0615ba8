import { Problem } from './problem.ts'

/** Reads a body of at most `maxBytes` bytes, trusting no announced length; stops reading as soon as there is more. */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = () => new Problem('body_too_large', `The body may have at most ${maxBytes} bytes.`)
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let byteCount = 0
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = request.body?.getReader()
  for (;;) {
    const part = await reader?.read()
    if (!part || part.done) break
    byteCount += part.value.byteLength
    if (byteCount > maxBytes) {
      await reader?.cancel()
      throw tooLarge()
    }
    chunks.push(part.value)
  }
  return joined(chunks, byteCount)
}

function joined(chunks: Uint8Array[], byteCount: number): Uint8Array {
  const whole = new Uint8Array(byteCount)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole
}
