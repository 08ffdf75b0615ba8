import type { Script } from '../behaviours.ts'
import { binaryChunkBytes, type StreamEvent } from '../delivery.ts'
import type { Exchange } from '../exchange.ts'
import type { JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { countPromptTokens, defaultTokens, generateBytes, hugeWordBytes, readTags, seedOf } from '../text.ts'
import { type Check, checkTopLevel, decimal, isString, oneOf, shape, wrongType } from './checks.ts'
import { invalidRequest } from './errors.ts'
import { admitRequest, commonPart, namedErrorEvent } from './replies.ts'
import { type PlacedUsage, placeInEvent } from './usage.ts'

type SpeechRequest = { model: string; input: string; voice: unknown; response_format?: string | null; stream_format?: string | null }

const formats: Record<string, { type: string; marks: readonly number[] }> = {
  mp3: { type: 'audio/mpeg', marks: [0xff, 0xfb, 0x90, 0x64] },
  opus: { type: 'audio/ogg', marks: [0x4f, 0x67, 0x67, 0x53] },
  aac: { type: 'audio/aac', marks: [0xff, 0xf1] },
  flac: { type: 'audio/flac', marks: [0x66, 0x4c, 0x61, 0x43] },
  wav: { type: 'audio/wav', marks: [0x52, 0x49, 0x46, 0x46] },
  pcm: { type: 'audio/pcm', marks: [] },
}

const maxInputCharacters = 4_096

const input: Check = (value, path) => {
  if (typeof value !== 'string') return wrongType(path, 'a string', value)
  const [isWrong, size, bound, code] =
    value === ''
      ? [true, 'short', 'minimum length 1', 'below_min']
      : [value.length > maxInputCharacters, 'long', 'maximum length 4096', 'above_max']
  return isWrong
    ? invalidRequest(`Invalid '${path}': string too ${size}. Expected a string with ${bound}.`, path, `string_${code}_length`)
    : null
}

const parameters: Readonly<Record<string, Check>> = {
  model: isString,
  input,
  voice: (value, path) => (typeof value === 'string' ? null : shape({ id: isString }, ['id'])(value, path)),
  instructions: isString,
  response_format: oneOf(...Object.keys(formats)),
  speed: decimal(0.25, 4),
  stream_format: oneOf('sse', 'audio'),
}

/** POST /v1/audio/speech: audio without a word about its usage, or, as events, with one. */
export async function answerSpeech(exchange: Exchange, body: JsonObject, model: string, key: string): Promise<void> {
  const script = admitRequest(exchange, model, () => checkTopLevel(body, parameters, ['model', 'input', 'voice']))
  if (!script) return
  const request = readSpeech(body)
  const { record } = exchange
  record.stream = request.stream_format === 'sse'
  const seed = seedOf(`${model}\n${request.input}\n${JSON.stringify(request.voice)}`)
  const chunks = readTags(request.input).tokens ?? defaultTokens
  const promptTokens = record.stream ? countPromptTokens([{ role: 'user', content: request.input }]) : 0
  record.promptTokens = promptTokens
  const counts = { input_tokens: promptTokens, output_tokens: chunks, total_tokens: promptTokens + chunks }
  const usage = placeInEvent(counts, script.behaviour.usage)
  const format = formats[request.response_format ?? 'mp3'] ?? { type: 'audio/mpeg', marks: [] }
  const speak = (): Buffer => generateBytes(seed, sizeOf(chunks, script), format.marks)
  await play(exchange, script, {
    ...commonPart(exchange, script, key),
    errorEvent: namedErrorEvent,
    stream: record.stream,
    seed,
    visibleTokens: record.stream ? chunks : 0,
    hiddenTokens: 0,
    usage: record.stream ? usage.parsed : null,
    bodyType: format.type,
    renderBody: speak,
    renderEvents: () => renderEvents(speak(), chunks, usage),
  })
}

/** One token is one chunk of sound. */
function sizeOf(chunks: number, { behaviour }: Script): number {
  return chunks * binaryChunkBytes + (behaviour.output === 'huge' ? hugeWordBytes : 0)
}

/** Only for a body that passed the parameter checks: they are what makes this cast true. */
function readSpeech(body: JsonObject): SpeechRequest {
  return body as unknown as SpeechRequest
}

function renderEvents(bytes: Buffer, chunks: number, usage: PlacedUsage): StreamEvent[] {
  const events: StreamEvent[] = []
  for (let index = 0; index < chunks; index += 1) {
    // The last one takes what is left, which is what makes it huge.
    const end = index === chunks - 1 ? bytes.length : (index + 1) * binaryChunkBytes
    const audio = bytes.subarray(index * binaryChunkBytes, end).toString('base64')
    events.push({ data: `{"type":"speech.audio.delta","audio":"${audio}"}`, tokens: 1 })
  }
  return [...events, { data: `{"type":"speech.audio.done"${usage.text}}`, tokens: 0, usage: usage.parsed }]
}
