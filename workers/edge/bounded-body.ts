import { joinBytes } from '#shared/values/bytes.ts'

/**
 * Reads the body of a request or an answer whole; null when it has more than `maxBytes` bytes, of which then no more are taken. An announced
 * length is kept by HTTP itself, and the body then read in one go; one that is compressed or unannounced is counted as it comes.
 */
export async function readBoundedBody(message: Request | Response, maxBytes: number): Promise<Uint8Array | null> {
  const { headers, body } = message
  if (Number(headers.get('content-length') ?? 0) > maxBytes) return null
  if (headers.has('content-length') && !headers.has('content-encoding')) return new Uint8Array(await message.arrayBuffer())
  const parts: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the body.
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > maxBytes) return null
    parts.push(part)
  }
  return joinBytes(parts)
}
