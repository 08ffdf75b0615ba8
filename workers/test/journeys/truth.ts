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
  const response = await fetch(`${inject('stack').upstreamUrl}/_truth/requests?since=${sinceMs}&limit=200000`)
  return Report.parse(await response.json()).requests.filter((record) => record.relayRequestId !== null)
}

/** Asks the upstream without the relay in between, as the relay would: for bytes to compare with. */
export function askUpstream(body: object, path = '/openai/v1/chat/completions'): Promise<Response> {
  const key = 'sk-scripted-upstream'
  const keyHeader: Record<string, string> = path.startsWith('/gemini') ? { 'x-goog-api-key': key } : { authorization: `Bearer ${key}` }
  return fetch(inject('stack').upstreamUrl + path, {
    method: 'POST',
    headers: { ...keyHeader, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

const Count = z.int().min(0).max(1_000_000_000)
const Reported = z.object({
  prompt_tokens: Count,
  completion_tokens: Count.default(0),
  prompt_tokens_details: z.object({ cached_tokens: Count }).optional(),
  completion_tokens_details: z.object({ reasoning_tokens: Count }).optional(),
})
/** Gemini's form of it, which leaves out a count of zero. */
const GeminiReported = z.object({
  promptTokenCount: Count,
  candidatesTokenCount: Count.default(0),
  thoughtsTokenCount: Count.default(0),
  cachedContentTokenCount: Count.default(0),
})
/** Of images, speech and transcripts; sound and pictures are part of the sums. */
const ReportedMedia = z.object({ input_tokens: Count, output_tokens: Count, type: z.literal('tokens').optional() })
const ReportedTime = z.object({ type: z.literal('duration'), seconds: z.number().min(0).max(1_000_000) })

/** The usage that the upstream reported, all kinds of tokens together; null when it reported none that anyone can believe. */
export function reportedBy({ usageReported }: Truth) {
  const ofGemini = GeminiReported.safeParse(usageReported)
  if (ofGemini.success) {
    const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount, cachedContentTokenCount: cacheRead } = ofGemini.data
    return {
      ...none,
      input: promptTokenCount - cacheRead,
      cacheRead,
      output: candidatesTokenCount + thoughtsTokenCount,
      reasoning: thoughtsTokenCount,
    }
  }
  const reported = Reported.safeParse(usageReported)
  if (!reported.success) return reportedOfMedia(usageReported)
  const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = reported.data
  const cacheRead = prompt_tokens_details?.cached_tokens ?? 0
  return {
    ...none,
    input: prompt_tokens - cacheRead,
    cacheRead,
    output: completion_tokens,
    reasoning: completion_tokens_details?.reasoning_tokens ?? 0,
  }
}

const none = { input: 0, cacheRead: 0, output: 0, reasoning: 0, audioMs: 0 }

/** The shape that many share, so that it is looked for last. */
function reportedOfMedia(usageReported: unknown) {
  const time = ReportedTime.safeParse(usageReported)
  if (time.success) return { ...none, audioMs: time.data.seconds * 1_000 }
  const media = ReportedMedia.safeParse(usageReported)
  return media.success ? { ...none, input: media.data.input_tokens, output: media.data.output_tokens } : null
}
