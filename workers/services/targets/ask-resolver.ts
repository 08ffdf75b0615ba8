import { z } from 'zod'
import { readBoundedBody } from '#workers/edge/bounded-body.ts'

/** Addresses of a name, none when it has none of the kind; `ttlSeconds` is the shortest on the way to them. */
export type NameAddresses = { addresses: string[]; ttlSeconds: number }

/** Numbers of the record types and answer codes, as IANA's registry of DNS parameters has them. */
const types = { A: 1, AAAA: 28 }
const noError = 0
const noSuchName = 3

/** An answer of a resolver with hundreds of addresses fits. */
const maxAnswerBytes = 64 * 1_024

/** A message in the JSON form that Cloudflare's and Google's resolvers speak; aliases stand in `Answer` beside the addresses they lead to. */
const Message = z.object({
  Status: z.int(),
  TC: z.boolean(),
  Answer: z.array(z.object({ type: z.int(), TTL: z.int().nonnegative(), data: z.string() })).default([]),
})

/** Asks a resolver for the addresses of one kind. Null when it could not be asked, did not know, or did not tell everything. */
export async function askResolver(
  resolver: { url: string; timeoutMs: number },
  host: string,
  type: keyof typeof types,
): Promise<NameAddresses | null> {
  const url = new URL(resolver.url)
  url.searchParams.set('name', host)
  url.searchParams.set('type', type)
  try {
    const response = await fetch(url.href, {
      headers: { accept: 'application/dns-json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(resolver.timeoutMs),
    })
    const body = await readBoundedBody(response, maxAnswerBytes)
    return response.status === 200 && body ? readMessage(new TextDecoder().decode(body)) : null
  } catch {
    return null // Unreachable, too slow or no JSON: each means that nothing is known.
  }
}

function readMessage(text: string): NameAddresses | null {
  const { Status: status, TC: isTruncated, Answer: records } = Message.parse(JSON.parse(text))
  if (isTruncated || (status !== noError && status !== noSuchName)) return null
  return {
    addresses: records.filter(({ type }) => type === types.A || type === types.AAAA).map(({ data }) => data),
    ttlSeconds: Math.min(...records.map(({ TTL }) => TTL)),
  }
}
