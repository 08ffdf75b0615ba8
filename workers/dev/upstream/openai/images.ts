import type { Script } from '../behaviours.ts'
import type { StreamEvent } from '../delivery.ts'
import type { Exchange } from '../exchange.ts'
import type { JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { countPromptTokens, defaultTokens, generateBytes, hugeWordBytes, readTags, seedOf } from '../text.ts'
import { checkEdit, checkGeneration, type ImageRequest, readImage } from './image-rules.ts'
import { admitRequest, commonPart, namedErrorEvent } from './replies.ts'
import { placeInEvent, placeUsage, renderWith } from './usage.ts'

const tokensPerPartialImage = 100
const usualImageBytes = 768
const marks: Record<string, readonly number[]> = {
  png: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  jpeg: [0xff, 0xd8, 0xff],
  gif: [0x47, 0x49, 0x46, 0x38, 0x39, 0x61],
  webp: [0x52, 0x49, 0x46, 0x46],
}

/** POST /v1/images/generations. */
export async function answerImage(exchange: Exchange, body: JsonObject, model: string, key: string): Promise<void> {
  const script = admitRequest(exchange, model, () => checkGeneration(body))
  if (script) await playImage(exchange, script, readImage(body), seedOf(`${model}\n${body.prompt}`), key)
}

/** POST /v1/images/edits, its form already read. */
export async function answerImageEdit(exchange: Exchange, body: JsonObject, model: string, key: string): Promise<void> {
  const script = admitRequest(exchange, model, () => checkEdit(body))
  if (!script) return
  const request = readImage(body)
  const files = await Promise.all((request.image ?? []).map(async (image) => Buffer.from(await image.arrayBuffer()).toString('base64')))
  await playImage(exchange, script, request, seedOf(`${model}\n${request.prompt}\n${files.join('\n')}`), key)
}

async function playImage(exchange: Exchange, script: Script, request: ImageRequest, seed: number, key: string): Promise<void> {
  const { record } = exchange
  record.stream = request.stream === true
  const partials = record.stream ? (request.partial_images ?? 0) : 0
  const { tokens } = readTags(request.prompt)
  const counts = countImage(request, (tokens ?? defaultTokens) * (request.n ?? 1) + partials * tokensPerPartialImage)
  const { usage: fault } = script.behaviour
  record.promptTokens = counts.input_tokens
  const usage = record.stream ? placeInEvent(counts, fault) : placeUsage(counts, fault)
  const drawing: Drawing = {
    request,
    seed,
    partials,
    createdSeconds: Math.floor(record.receivedAt / 1_000),
    isHuge: script.behaviour.output === 'huge',
  }
  await play(exchange, script, {
    ...commonPart(exchange, script, key),
    errorEvent: namedErrorEvent,
    stream: record.stream,
    seed,
    visibleTokens: counts.output_tokens,
    hiddenTokens: 0,
    usage: usage.parsed,
    renderBody: () => {
      const data = Array.from({ length: request.n ?? 1 }, (_, index) => ({
        b64_json: draw(drawing, index),
        ...(index === 0 ? usage.inItem : {}),
      }))
      return renderWith({ created: drawing.createdSeconds, ...describe(request), data }, usage.text)
    },
    renderEvents: () => renderEvents(drawing, counts.output_tokens, usage),
  })
}

type Drawing = { request: ImageRequest; seed: number; partials: number; createdSeconds: number; isHuge: boolean }
type ImageCounts = { input_tokens: number; input_tokens_details: JsonObject; output_tokens: number; total_tokens: number }

/** The prompt is counted as a message of a chat that shows the images would be. */
function countImage({ prompt, image = [] }: ImageRequest, outputTokens: number): ImageCounts {
  const textTokens = countPromptTokens([{ role: 'user', content: prompt }])
  const inputTokens = countPromptTokens([
    { role: 'user', content: [{ type: 'text', text: prompt }, ...image.map(() => ({ type: 'image_url' }))] },
  ])
  return {
    input_tokens: inputTokens,
    input_tokens_details: { text_tokens: textTokens, image_tokens: inputTokens - textTokens },
    output_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  }
}

function draw({ request, seed, isHuge }: Drawing, index: number): string {
  const { textBytes } = readTags(request.prompt)
  const size = isHuge ? hugeWordBytes : Math.max(usualImageBytes, textBytes)
  return generateBytes(seed + index, size, marks[request.output_format ?? 'png'] ?? []).toString('base64')
}

/** What `auto` became. */
function describe({ background, output_format: format, quality, size }: ImageRequest): JsonObject {
  const settled = (value: string | null | undefined, usual: string): string => (value === 'auto' ? usual : (value ?? usual))
  return {
    background: settled(background, 'opaque'),
    output_format: format ?? 'png',
    quality: settled(quality, 'medium'),
    size: settled(size, '1024x1024'),
  }
}

function renderEvents(drawing: Drawing, outputTokens: number, usage: { text: string; parsed: unknown }): StreamEvent[] {
  const { request, partials, createdSeconds } = drawing
  const kind = request.image ? 'image_edit' : 'image_generation'
  const render = (stage: string, index: number, more: JsonObject, text: string): StreamEvent => {
    const name = `${kind}.${stage}`
    const members = { type: name, ...more, b64_json: draw(drawing, index), created_at: createdSeconds, ...describe(request) }
    return {
      name,
      data: renderWith(members, text),
      tokens: stage === 'completed' ? outputTokens - partials * tokensPerPartialImage : tokensPerPartialImage,
    }
  }
  const events = Array.from({ length: partials }, (_, index) => render('partial_image', index, { partial_image_index: index }, ''))
  return [...events, { ...render('completed', partials, {}, usage.text), usage: usage.parsed }]
}
