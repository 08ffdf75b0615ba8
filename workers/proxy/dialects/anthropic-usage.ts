import { z } from 'zod'
import { TokenCount, type Usage } from '#shared/pricing/usage.ts'
import { deliveredBytesOf } from './delivered-bytes.ts'
import type { Reading } from './dialect.ts'
import { withoutAbsent } from './usage-buckets.ts'

const Count = TokenCount.nullish()

const ReportedUsage = z.object({
  input_tokens: Count,
  cache_read_input_tokens: Count,
  cache_creation_input_tokens: Count,
  cache_creation: z.object({ ephemeral_5m_input_tokens: Count, ephemeral_1h_input_tokens: Count }).nullish(),
  output_tokens: Count,
  output_tokens_details: z.object({ thinking_tokens: Count }).nullish(),
  server_tool_use: z.object({ web_search_requests: Count }).nullish(),
})

const Anything = z.unknown().optional()
const Text = z.string().nullish().catch(null)

/** What a model writes of a block, whole or as a delta. What a search of the provider found stands elsewhere, and the model did not write it. */
const Block = z.object({ text: Anything, thinking: Anything, name: Anything, input: Anything, partial_json: Anything, data: Anything })
const Blocks = z.array(Block.nullish().catch(null)).nullish().catch(null)

/** Each part is read for itself: a vendor's own form of one must not hide the usage beside it. */
const Answer = z.object({
  type: Anything,
  error: Anything,
  id: Text,
  usage: Anything,
  stop_reason: Text,
  content: Blocks,
  message: z.object({ id: Text, usage: Anything }).nullish().catch(null),
  content_block: Block.nullish().catch(null),
  delta: Block.extend({ stop_reason: Text }).nullish().catch(null),
})

/** Adds a whole message, or one event of a streamed one, to what is known. */
export function readMessage(reading: Reading, value: unknown): void {
  const answer = Answer.safeParse(value)
  if (!answer.success) return
  const { type, error, id, usage, stop_reason, content, message, content_block, delta } = answer.data
  if (type === 'error' || (error !== undefined && error !== null)) reading.failed = true
  reading.answerId = message?.id ?? id ?? reading.answerId
  reading.finishReason = delta?.stop_reason ?? stop_reason ?? reading.finishReason
  for (const block of [...(content ?? []), content_block, delta]) reading.deliveredBytes += blockBytes(block)
  reading.usage = readUsage(message?.usage, reading.usage, 'begun') ?? reading.usage
  reading.usage = readUsage(usage, reading.usage) ?? reading.usage
}

/**
 * Anthropic's `usage` in buckets that do not overlap: its input leaves out what a cache held, its output includes thinking. A later report replaces what
 * it names of an `earlier` one and leaves what it does not. Null for a report that cannot be true, and for one after which the input is not known. The
 * one with which a message begins tells of its first token only: of the output it is not believed.
 */
export function readUsage(value: unknown, earlier: Usage | null, state: 'begun' | 'ended' = 'ended'): Usage | null {
  const reported = ReportedUsage.safeParse(value)
  if (!reported.success) return null
  const { input_tokens, cache_read_input_tokens, output_tokens, output_tokens_details, server_tool_use } = reported.data
  const written = readWritten(reported.data, earlier)
  const inputTokens = input_tokens ?? earlier?.inputTokens
  if (inputTokens === undefined || written === null) return null
  return withoutAbsent({
    inputTokens,
    cacheReadTokens: cache_read_input_tokens ?? earlier?.cacheReadTokens,
    ...written,
    outputTokens: (state === 'ended' ? output_tokens : null) ?? earlier?.outputTokens,
    reasoningTokens: output_tokens_details?.thinking_tokens ?? earlier?.reasoningTokens,
    webSearches: server_tool_use?.web_search_requests ?? earlier?.webSearches,
  })
}

/**
 * What was written to the cache for five minutes and for an hour. The sum of both is what is billed; where it comes without its parts, or they do not
 * make it up, the hour is as it was told and the rest is five minutes. Null when the hour alone is more than the sum.
 */
function readWritten(
  { cache_creation_input_tokens: sum, cache_creation: parts }: z.infer<typeof ReportedUsage>,
  earlier: Usage | null,
): Pick<Usage, 'cacheWrite5mTokens' | 'cacheWrite1hTokens'> | null {
  const hour = parts?.ephemeral_1h_input_tokens ?? earlier?.cacheWrite1hTokens
  const minutes = parts?.ephemeral_5m_input_tokens ?? earlier?.cacheWrite5mTokens
  if (sum === null || sum === undefined) return { cacheWrite5mTokens: minutes, cacheWrite1hTokens: hour }
  return (hour ?? 0) > sum ? null : { cacheWrite5mTokens: sum - (hour ?? 0), cacheWrite1hTokens: hour }
}

function blockBytes(block: z.infer<typeof Block> | null | undefined): number {
  return block ? deliveredBytesOf(Object.values(block)) : 0
}
