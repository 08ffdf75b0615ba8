import { z } from 'zod'

const Envelope = z.object({ error: z.object({ message: z.string() }) })

/** Longest answer read for its message, in bytes, and longest message passed on, in characters. */
const refusalBytes = 16_384
const messageLength = 500

/** What an upstream says is wrong with the request, without anything that looks like a key, an account, an address or a path. */
export async function refusalMessage(response: Response): Promise<string | undefined> {
  if (Number(response.headers.get('content-length') ?? 0) > refusalBytes) {
    await response.body?.cancel()
    return undefined
  }
  const envelope = Envelope.safeParse(await response.json().catch(() => null))
  return envelope.success ? redactMessage(envelope.data.error.message) : undefined
}

export function redactMessage(message: string): string {
  return message
    .slice(0, messageLength)
    .replace(/https?:\/\/\S+/gi, '[address]')
    .replace(/\/v0\/\S*/gi, '[path]')
    .replace(/\S+@\S+\.\S+/g, '[account]')
    .replace(/\b(?:sk|pk|rk|rrk|key|org|proj|acct|user)[-_][\w*-]{4,}/gi, '[redacted]')
    .replace(/\b(?:Bearer\s+\S+|AIza[\w-]+)/gi, '[redacted]')
    .replace(/\b[\w-]{32,}\b/g, '[redacted]')
}
