import { joinBytes } from '#shared/values/bytes.ts'
import { answerBytes, answerLength } from './limits.ts'

/** The first bytes of an answer, as far as they come before the signal, in printable ASCII; null when there are none. The rest is not read. */
export async function readAnswerStart({ body }: Response, signal: AbortSignal): Promise<string | null> {
  const reader = body?.getReader()
  if (!reader) return null
  const parts: Uint8Array[] = []
  let length = 0
  const tooLate = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null)
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
  try {
    while (length < answerBytes) {
      const next = await Promise.race([reader.read(), tooLate])
      if (!next?.value) break
      parts.push(next.value)
      length += next.value.length
    }
  } catch {
    // The status has been told already; an answer that breaks off is an answer.
  }
  // Not waited for: a peer that hangs would hold it up.
  reader.cancel().catch(() => undefined)
  return length === 0 ? null : printable(joinBytes(parts).subarray(0, answerBytes))
}

/** Printable ASCII as it is, and every other byte as `\xNN`, so that nothing in it can act where it is shown. */
export function printable(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x5c
    text += isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
    if (text.length >= answerLength) break
  }
  return text.slice(0, answerLength)
}
