import { z } from 'zod'
import { TokenCount, type Usage } from '#shared/pricing/usage.ts'
import { estimatedImageBytes, estimatedPartialImageBytes } from '../limits.ts'
import type { Reading } from './dialect.ts'
import { withoutAbsent } from './usage-buckets.ts'

const Anything = z.unknown().optional()
const Image = z.union([z.object({ b64_json: z.string().min(1) }), z.object({ url: z.string().min(1) })])
const Answer = z.object({ type: Anything, error: Anything, usage: Anything, data: z.array(z.unknown()).nullish().catch(null) })

/** Adds a whole answer with its images, or one event of a stream that draws one image, to what is known. */
export function readImages(reading: Reading, value: unknown): void {
  const answer = Answer.safeParse(value)
  if (!answer.success) return
  const { type, error, usage, data } = answer.data
  if (error !== undefined && error !== null) reading.failed = true
  if (partials.has(type)) reading.deliveredBytes += estimatedPartialImageBytes
  const images = completed.has(type) ? 1 : (data ?? []).filter((image) => Image.safeParse(image).success).length
  if (images > 0) {
    reading.toldUsage = { images }
    reading.deliveredBytes += images * estimatedImageBytes
    reading.finishReason = 'stop'
  }
  reading.usage = readImageUsage(usage) ?? reading.usage
}

const partials = new Set<unknown>(['image_generation.partial_image', 'image_edit.partial_image'])
const completed = new Set<unknown>(['image_generation.completed', 'image_edit.completed'])

const ReportedUsage = z.object({
  input_tokens: TokenCount,
  output_tokens: TokenCount,
  input_tokens_details: z.object({ image_tokens: TokenCount.nullish() }).nullish(),
  output_tokens_details: z.object({ text_tokens: TokenCount.nullish() }).nullish(),
})

/** Tokens of images apart from those of text; output is an image unless it says otherwise. Null for a report that cannot be true. */
export function readImageUsage(value: unknown): Usage | null {
  const reported = ReportedUsage.safeParse(value)
  if (!reported.success) return null
  const { input_tokens, output_tokens, input_tokens_details: input, output_tokens_details: output } = reported.data
  const text = { in: input_tokens - (input?.image_tokens ?? 0), out: output?.text_tokens ?? 0 }
  if (text.in < 0 || text.out > output_tokens) return null
  return withoutAbsent({
    inputTokens: text.in,
    inputImageTokens: input?.image_tokens ?? undefined,
    outputTokens: text.out,
    outputImageTokens: output_tokens - text.out,
  })
}
