import type { Usage } from '#shared/pricing/usage.ts'

/** What the upstream of the benchmark can do. `slow` keeps many streams open at once without being bounded by the processor. */
export const kinds = ['whole', 'burst', 'paced', 'slow', 'anthropic-burst', 'anthropic-paced'] as const
export type Kind = (typeof kinds)[number]

/** Milliseconds between two chunks of a stream; a burst has none. */
export const chunkIntervalMs: Record<Kind, number> = {
  whole: 0,
  burst: 0,
  paced: 20,
  slow: 100,
  'anthropic-burst': 0,
  'anthropic-paced': 20,
}

/** Whether a kind is a message of Anthropic's; all others are chat completions. */
export function isMessage(kind: Kind): boolean {
  return kind.startsWith('anthropic-')
}

/** Chunks of a stream: of a chat before the usage chunk and the end mark, of a message those with text. */
const chunkCount = 100
/** Bytes of the answer that is not streamed: an ordinary answer of a few paragraphs. */
const wholeBytes = 2_300

/** Each kind reports other numbers, so that records that were mixed up do not add up. */
const tokens: Record<Kind, { input: number; output: number }> = {
  whole: { input: 211, output: 401 },
  burst: { input: 223, output: 98 },
  paced: { input: 227, output: 98 },
  slow: { input: 229, output: 98 },
  'anthropic-burst': { input: 233, output: 101 },
  'anthropic-paced': { input: 239, output: 101 },
}

/** The name a customer calls the model by, and the one the upstream knows: as in life they differ, so the relay has to replace it. */
export function modelOf(kind: Kind): string {
  return `bench-${kind}`
}

export function upstreamModelOf(kind: Kind): string {
  return `bench-upstream-${kind}`
}

/** The usage of an answer as the relay must have recorded it. */
export function usageOf(kind: Kind): Usage {
  return { inputTokens: tokens[kind].input, cacheReadTokens: 0, outputTokens: tokens[kind].output, reasoningTokens: 0 }
}

/** The body of an answer that is not streamed, in OpenAI's form. */
export function wholeAnswer(): Buffer {
  const answer = (content: string) =>
    JSON.stringify({
      id: 'chatcmpl-benchmark0000000000000000',
      object: 'chat.completion',
      created: 1_790_000_000,
      model: upstreamModelOf('whole'),
      choices: [
        { index: 0, message: { role: 'assistant', content, refusal: null, annotations: [] }, logprobs: null, finish_reason: 'stop' },
      ],
      usage: reportedUsage('whole'),
      service_tier: 'default',
      system_fingerprint: 'fp_benchmark',
    })
  const filling = 'The quick brown fox jumps over the lazy dog. '
  return Buffer.from(answer(filling.repeat(100).slice(0, wholeBytes - answer('').length)))
}

/**
 * The events of a stream. Of a chat completion, asked for usage, OpenAI writes `"usage":null` into every chunk and sends one more; the relay always asks, and keeps that
 * last one from a client that did not.
 */
export function streamEvents(kind: Kind, { asked, shown }: { asked: boolean; shown: boolean }): Buffer[] {
  if (isMessage(kind)) return messageEvents(kind)
  const chunk = (choices: unknown[], usage: unknown) =>
    event(
      JSON.stringify({
        id: 'chatcmpl-benchmark0000000000000000',
        object: 'chat.completion.chunk',
        created: 1_790_000_000,
        model: upstreamModelOf(kind),
        service_tier: 'default',
        system_fingerprint: 'fp_benchmark',
        choices,
        ...(asked ? { usage } : {}),
      }),
    )
  const delta = (part: unknown, finish: string | null) => chunk([{ index: 0, delta: part, logprobs: null, finish_reason: finish }], null)
  const words = Array.from({ length: chunkCount - 2 }, () => delta({ content: ' benchmark' }, null))
  const events = [delta({ role: 'assistant', content: '', refusal: null }, null), ...words, delta({}, 'stop')]
  if (asked && shown) events.push(chunk([], reportedUsage(kind)))
  return [...events, event('[DONE]')]
}

/** A message of Anthropic's, which reports its usage unasked: the input at its beginning, and all of it at its end. */
function messageEvents(kind: Kind): Buffer[] {
  const named = (value: { type: string }) => Buffer.from(`event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`)
  const { input, output } = tokens[kind]
  const cache = { cache_creation_input_tokens: 0, cache_read_input_tokens: 0 }
  const begun = {
    input_tokens: input,
    ...cache,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    output_tokens: 1,
  }
  const message = { model: upstreamModelOf(kind), id: 'msg_01Benchmark000000000000', type: 'message', role: 'assistant', content: [] }
  const start = { type: 'message_start', message: { ...message, stop_reason: null, stop_sequence: null, usage: begun } }
  const word = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: ' benchmark' } }
  const ended = { stop_reason: 'end_turn', stop_sequence: null }
  return [
    start,
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'ping' },
    ...Array.from({ length: chunkCount }, () => word),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: ended, usage: { input_tokens: input, ...cache, output_tokens: output } },
    { type: 'message_stop' },
  ].map(named)
}

function event(data: string): Buffer {
  return Buffer.from(`data: ${data}\n\n`)
}

function reportedUsage(kind: Kind) {
  const { input, output } = tokens[kind]
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  }
}
