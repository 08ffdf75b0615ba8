import type { Usage } from '#shared/pricing/usage.ts'

/** What the upstream of the benchmark can do. `slow` keeps many streams open at once without being bounded by the processor. */
export const kinds = ['whole', 'burst', 'paced', 'slow'] as const
export type Kind = (typeof kinds)[number]

/** Milliseconds between two chunks of a stream; a burst has none. */
export const chunkIntervalMs: Record<Kind, number> = { whole: 0, burst: 0, paced: 20, slow: 100 }

/** Chunks of a stream, before the usage chunk and the end mark. */
const chunkCount = 100
/** Bytes of the answer that is not streamed: an ordinary answer of a few paragraphs. */
const wholeBytes = 2_300

/** Each kind reports other numbers, so that records that were mixed up do not add up. */
const tokens: Record<Kind, { input: number; output: number }> = {
  whole: { input: 211, output: 401 },
  burst: { input: 223, output: 98 },
  paced: { input: 227, output: 98 },
  slow: { input: 229, output: 98 },
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
 * The events of a stream. Asked for usage, OpenAI writes `"usage":null` into every chunk and sends one more; the relay always asks, and keeps that
 * last one from a client that did not.
 */
export function streamEvents(kind: Kind, { asked, shown }: { asked: boolean; shown: boolean }): Buffer[] {
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
