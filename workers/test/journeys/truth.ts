import { inject } from 'vitest'
import { z } from 'zod'

const Truth = z.object({
  receivedAt: z.number(),
  path: z.string(),
  relayRequestId: z.string().nullable(),
  /** Whose key it came with, and the SHA-256 of any but the platform's. */
  keyOwner: z.enum(['platform', 'customer']).nullable(),
  keyHash: z.string().nullable(),
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
export function allTruthSince(sinceMs: number): Promise<Truth[]> {
  return truthOf({ since: String(sinceMs) })
}

/** What the upstream recorded, oldest first. */
export async function truthOf(filter: { since?: string; keyHash?: string; relayRequestId?: string }): Promise<Truth[]> {
  const query = new URLSearchParams({ ...filter, limit: '200000' })
  const response = await fetch(`${inject('stack').upstreamUrl}/_truth/requests?${query}`)
  return Report.parse(await response.json()).requests
}

/** How each provider that the upstream plays is given its key. */
const keyHeaders: Record<string, Record<string, string>> = {
  openai: { authorization: 'Bearer sk-scripted-upstream' },
  anthropic: { 'x-api-key': 'sk-scripted-upstream', 'anthropic-version': '2023-06-01' },
  gemini: { 'x-goog-api-key': 'sk-scripted-upstream' },
}

/** Asks the upstream without the relay in between, as the relay would: for bytes to compare with. */
export function askUpstream(body: object, path = '/openai/v1/chat/completions'): Promise<Response> {
  const provider = path.split('/')[1] ?? ''
  return fetch(inject('stack').upstreamUrl + path, {
    method: 'POST',
    headers: { ...keyHeaders[provider], 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

const Count = z.int().min(0).max(1_000_000_000)

/** A usage report in the relay's buckets; what a provider does not speak of is zero. */
interface Reported {
  input: number
  cacheRead: number
  written5m: number
  written1h: number
  output: number
  reasoning: number
  searches: number
  audioMs?: number
}

const OpenAiUsage = z
  .object({
    prompt_tokens: Count,
    completion_tokens: Count.default(0),
    prompt_tokens_details: z.object({ cached_tokens: Count }).optional(),
    completion_tokens_details: z.object({ reasoning_tokens: Count }).optional(),
  })
  .transform(({ prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details }): Reported => {
    const cacheRead = prompt_tokens_details?.cached_tokens ?? 0
    const reasoning = completion_tokens_details?.reasoning_tokens ?? 0
    return { input: prompt_tokens - cacheRead, cacheRead, written5m: 0, written1h: 0, output: completion_tokens, reasoning, searches: 0 }
  })

const AnthropicUsage = z
  .object({
    input_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_creation: z.object({ ephemeral_1h_input_tokens: Count }).optional(),
    output_tokens: Count,
    output_tokens_details: z.object({ thinking_tokens: Count }).optional(),
    server_tool_use: z.object({ web_search_requests: Count }).optional(),
  })
  .transform((usage): Reported => {
    const written1h = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0
    return {
      input: usage.input_tokens,
      cacheRead: usage.cache_read_input_tokens,
      written5m: usage.cache_creation_input_tokens - written1h,
      written1h,
      output: usage.output_tokens,
      reasoning: usage.output_tokens_details?.thinking_tokens ?? 0,
      searches: usage.server_tool_use?.web_search_requests ?? 0,
    }
  })

/** OpenAI's responses report the same under other names. */
const ResponseUsage = z
  .object({
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    input_tokens_details: z.object({ cached_tokens: Count }).optional(),
    output_tokens_details: z.object({ reasoning_tokens: Count }).optional(),
  })
  .transform((usage): Reported => {
    const cacheRead = usage.input_tokens_details?.cached_tokens ?? 0
    const reasoning = usage.output_tokens_details?.reasoning_tokens ?? 0
    return {
      input: usage.input_tokens - cacheRead,
      cacheRead,
      written5m: 0,
      written1h: 0,
      output: usage.output_tokens,
      reasoning,
      searches: 0,
    }
  })

/** Gemini leaves out a count of zero. */
const GeminiUsage = z
  .object({
    promptTokenCount: Count,
    candidatesTokenCount: Count.default(0),
    thoughtsTokenCount: Count.default(0),
    cachedContentTokenCount: Count.default(0),
  })
  .transform(({ promptTokenCount, candidatesTokenCount, thoughtsTokenCount: reasoning, cachedContentTokenCount: cacheRead }): Reported => {
    const output = candidatesTokenCount + reasoning
    return { input: promptTokenCount - cacheRead, cacheRead, written5m: 0, written1h: 0, output, reasoning, searches: 0 }
  })

const none = { input: 0, cacheRead: 0, written5m: 0, written1h: 0, output: 0, reasoning: 0, searches: 0 }

/** Of transcripts that are billed by their time. */
const TimeUsage = z
  .object({ type: z.literal('duration'), seconds: z.number().min(0).max(1_000_000) })
  .transform(({ seconds }): Reported => ({ ...none, audioMs: seconds * 1_000 }))

/** Of images, speech and transcripts; sound and pictures are part of the sums. A shape that many share, so that it is looked for last. */
const MediaUsage = z
  .object({ input_tokens: Count, output_tokens: Count, type: z.literal('tokens').optional() })
  .transform((usage): Reported => ({ ...none, input: usage.input_tokens, output: usage.output_tokens }))

const ReportedUsage = z.union([OpenAiUsage, ResponseUsage, AnthropicUsage, GeminiUsage, TimeUsage, MediaUsage])

/** The usage that the upstream reported, in the relay's buckets, all kinds of tokens together; null when it reported none that anyone can believe. */
export function reportedBy({ usageReported }: Truth): Reported | null {
  const reported = ReportedUsage.safeParse(usageReported)
  return reported.success ? { audioMs: 0, ...reported.data } : null
}
