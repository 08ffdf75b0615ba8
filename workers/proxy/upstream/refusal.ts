import { z } from 'zod'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'

const Envelope = z.object({ error: z.object({ message: z.string() }) })

/** Longest answer read for its message, in bytes, and longest message passed on, in characters. */
const refusalBytes = 16_384
const messageLength = 500

/** What an upstream says is wrong with the request, without anything that looks like a key, an account, an address or a path. */
export async function refusalMessage(response: Response): Promise<string | undefined> {
  const envelope = Envelope.safeParse(await readJson(response).catch(() => null))
  return envelope.success ? redactMessage(envelope.data.error.message) : undefined
}

/** The answer's JSON; null for one too long, of which no more is read. */
async function readJson(response: Response): Promise<unknown> {
  const bytes = await readBoundedBody(response, refusalBytes)
  return bytes ? JSON.parse(new TextDecoder().decode(bytes)) : null
}

export function redactMessage(message: string): string {
  return shorten(message)
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '[address]')
    .replace(/\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b/g, '[address]')
    .replace(/\/v0\/\S*/gi, '[path]')
    .replace(/\S+@\S+\.\S+/g, '[account]')
    .replace(/\b(?:sk|pk|rk|rrk|key|org|proj|acct|user)[-_][\w*-]{4,}/gi, '[redacted]')
    .replace(/\b(?:Bearer\s+\S+|AIza[\w-]+|eyJ[\w.-]+|A[KS]IA[A-Z0-9]{12,})/gi, '[redacted]')
    .replace(/[\w+/=-]{32,}/g, '[redacted]')
}

/** Cut before the word that the limit goes through: half a secret no longer looks like one. */
function shorten(message: string): string {
  return message.length <= messageLength ? message : message.slice(0, messageLength).replace(/[!-~]+$/, '')
}
