import { z } from 'zod'
import type { Usage } from '#shared/pricing/usage.ts'
import { deliveredBytesOf } from './delivered-bytes.ts'
import type { Reading } from './dialect.ts'
import { readUsage as readChatUsage } from './openai-chat-usage.ts'
import { listOf, memberOf } from './openai-responses-input.ts'

const Anything = z.unknown().optional()
const Text = z.string().nullish().catch(null)

/** A response, whole or as far as it has come. Each part is read for itself, so that an odd one does not hide the usage beside it. */
const Response = z.object({ id: Text, status: Text, error: Anything, usage: Anything, output: Anything })

const Event = z.object({
  type: Text,
  sequence_number: z.int().min(0).nullish().catch(null),
  delta: Anything,
  response: Response.nullish().catch(null),
})

/** Adds a whole response, or one event of a streamed one, to what is known. Later usage replaces earlier: it is cumulative. */
export function readAnswer(reading: Reading, value: unknown): void {
  const event = Event.safeParse(value)
  if (!event.success) return
  const { type, sequence_number, delta, response } = event.data
  if (typeof sequence_number === 'number') reading.lastNumber = sequence_number
  if (type === 'error') reading.failed = true
  // What was said in pieces is repeated by a `.done` event, by its item and by the response, none of which count again.
  if (type?.endsWith('.delta')) reading.deliveredBytes += deliveredBytesOf(delta)
  const whole = response ?? (typeof type === 'string' ? null : Response.safeParse(value).data)
  if (whole) readResponse(reading, whole)
}

function readResponse(reading: Reading, { id, status, error, usage, output }: z.infer<typeof Response>): void {
  const items = listOf(output)
  reading.answerId = id || reading.answerId
  reading.finishReason = (status && finishes.get(status)) ?? reading.finishReason
  if (status === 'failed' || (error ?? null) !== null) reading.failed = true
  reading.deliveredBytes = Math.max(reading.deliveredBytes, outputBytes(items))
  const reported = readUsage(usage)
  if (!reported) return
  const webSearches = items.filter(isSearch).length
  reading.usage = webSearches > 0 ? { ...reported, webSearches } : reported
}

/** How a response ended; a status that is no end says nothing. */
const finishes = new Map([
  ['completed', 'completed'],
  ['incomplete', 'incomplete'],
  ['failed', 'error'],
  ['cancelled', 'error'],
])

/** The `usage` of a response in buckets that do not overlap: what chat completions report, under other names. */
export function readUsage(usage: unknown): Usage | null {
  return readChatUsage({
    prompt_tokens: memberOf(usage, 'input_tokens'),
    completion_tokens: memberOf(usage, 'output_tokens'),
    prompt_tokens_details: memberOf(usage, 'input_tokens_details'),
    completion_tokens_details: memberOf(usage, 'output_tokens_details'),
  })
}

/** What a client sees of the items: text, refusals, summaries of reasoning, and what tools are called with. */
function outputBytes(items: readonly unknown[]): number {
  const parts = items.flatMap((item) => [...listOf(memberOf(item, 'content')), ...listOf(memberOf(item, 'summary'))])
  const texts = parts.map((part) => memberOf(part, 'text') ?? memberOf(part, 'refusal'))
  const calls = items.flatMap((item) => ['arguments', 'input', 'action', 'operation'].map((key) => memberOf(item, key)))
  return deliveredBytesOf([texts, calls])
}

/** Opening a page and looking for a word on it are calls of the same tool, but no searches. */
function isSearch(item: unknown): boolean {
  const action = memberOf(memberOf(item, 'action'), 'type')
  return memberOf(item, 'type') === 'web_search_call' && action !== 'open_page' && action !== 'find_in_page'
}
