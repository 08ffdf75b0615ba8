import { inject } from 'vitest'
import { z } from 'zod'

const Truth = z.object({
  receivedAt: z.number(),
  relayRequestId: z.string().nullable(),
  model: z.string().nullable(),
  behaviour: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
  stream: z.boolean(),
  status: z.number().nullable(),
  outcome: z.enum(['completed', 'client_left', 'broken', 'refused', 'running']),
  promptTokens: z.number(),
  completionTokensSent: z.number(),
  usageReported: z.unknown(),
  leaks: z.array(z.string()),
})
/** What the scripted upstream says it did for one request of the relay. */
export type Truth = z.infer<typeof Truth>

const Report = z.object({ requests: z.array(Truth) })

/** What the upstream was asked by the relay since a moment; never what a test asked it directly. */
export async function truthSince(sinceMs: number): Promise<Truth[]> {
  return (await allTruthSince(sinceMs)).filter((record) => record.relayRequestId !== null)
}

/** What the upstream was asked since a moment, by whomever. */
export async function allTruthSince(sinceMs: number): Promise<Truth[]> {
  const response = await fetch(`${inject('stack').upstreamUrl}/_truth/requests?since=${sinceMs}&limit=200000`)
  return Report.parse(await response.json()).requests
}

/** Asks the upstream without the relay in between, as the relay would: for bytes to compare with. */
export function askUpstream(body: object): Promise<Response> {
  return fetch(`${inject('stack').upstreamUrl}/openai/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-scripted-upstream', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

const Count = z.int().min(0).max(1_000_000_000)
const Reported = z.object({
  prompt_tokens: Count,
  completion_tokens: Count,
  prompt_tokens_details: z.object({ cached_tokens: Count }).optional(),
  completion_tokens_details: z.object({ reasoning_tokens: Count }).optional(),
})

/** The usage that the upstream reported, in the relay's buckets; null when it reported none that anyone can believe. */
export function reportedBy({ usageReported }: Truth) {
  const reported = Reported.safeParse(usageReported)
  if (!reported.success) return null
  const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = reported.data
  const cacheRead = prompt_tokens_details?.cached_tokens ?? 0
  return {
    input: prompt_tokens - cacheRead,
    cacheRead,
    output: completion_tokens,
    reasoning: completion_tokens_details?.reasoning_tokens ?? 0,
  }
}
