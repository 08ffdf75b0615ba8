import type { StreamEvent } from '../delivery.ts'
import type { Exchange } from '../exchange.ts'
import type { JsonObject } from '../json-body.ts'
import { play } from '../play.ts'
import { countWords, defaultTokens, generatePieces, readTags, seedOf, type WordStyle } from '../text.ts'
import { arrayOf, type Check, checkTopLevel, decimal, integer, isBoolean, isString, oneOf, shape } from './checks.ts'
import { invalidRequest, type OpenAiError } from './errors.ts'
import { type FormField, type FormFields, isFile } from './forms.ts'
import { admitRequest, commonPart, namedErrorEvent } from './replies.ts'
import { renderTranscript, textFormats } from './transcript-text.ts'
import { type PlacedUsage, placeInEvent } from './usage.ts'

export type TranscriptionRequest = {
  model: string
  file: File
  prompt?: string
  response_format?: string
  stream?: boolean
  temperature?: number
  timestamp_granularities?: string[]
}

const vad = shape(
  { type: oneOf('server_vad'), prefix_padding_ms: integer(0, 60_000), silence_duration_ms: integer(0, 60_000), threshold: decimal(0, 1) },
  ['type'],
)
const names = arrayOf(isString, 1, 4)

const parameters: Readonly<Record<string, Check>> = {
  file: isFile,
  model: isString,
  chunking_strategy: (value, path) => (typeof value === 'string' ? oneOf('auto')(value, path) : vad(value, path)),
  include: arrayOf(oneOf('logprobs'), 1, 1),
  keywords: arrayOf(isString, 1, 100),
  known_speaker_names: names,
  known_speaker_references: names,
  language: isString,
  languages: arrayOf(isString, 1, 100),
  prompt: isString,
  response_format: oneOf('json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json'),
  stream: isBoolean,
  temperature: decimal(0, 1),
  timestamp_granularities: arrayOf(oneOf('word', 'segment'), 1, 2),
}

const text: FormField = { reads: 'text' }
const list: FormField = { reads: 'text', many: 'brackets' }

export const transcriptionFields: FormFields = {
  file: { reads: 'file' },
  model: text,
  chunking_strategy: { reads: 'number', nested: true },
  include: list,
  keywords: list,
  known_speaker_names: list,
  known_speaker_references: list,
  language: text,
  languages: list,
  prompt: text,
  response_format: text,
  stream: { reads: 'boolean' },
  temperature: { reads: 'number' },
  timestamp_granularities: list,
}

/** POST /v1/audio/transcriptions, its form already read. The words come from the file's bytes, the tags from the prompt. */
export async function answerTranscription(exchange: Exchange, body: JsonObject, model: string, key: string): Promise<void> {
  const script = admitRequest(exchange, model, () => checkTranscription(body))
  if (!script) return
  const request = readTranscription(body)
  const { record } = exchange
  const { usage: fault, output } = script.behaviour
  const bytes = Buffer.from(await request.file.arrayBuffer())
  const prompt = request.prompt ?? ''
  const seed = seedOf(`${model}\n${prompt}\n${bytes.toString('base64')}`)
  const tags = readTags(prompt)
  const wanted = tags.tokens ?? defaultTokens
  const style: WordStyle = output === 'filtered' ? 'plain' : (output ?? 'plain')
  const pieces = generatePieces(seed, output === 'filtered' ? wanted >> 1 : wanted, style, tags.textBytes)
  const seconds = secondsOf(request.file.name)
  const audioTokens = tags.audioIn || Math.ceil(bytes.length / bytesPerAudioToken)
  const counts = seconds === null ? countTokens(audioTokens, countWords(prompt), pieces.length) : { type: 'duration', seconds }
  record.stream = request.stream === true
  record.promptTokens = typeof counts.input_tokens === 'number' ? counts.input_tokens : 0
  const usage = placeInEvent(counts, fault)
  const format = request.response_format ?? 'json'
  const isText = textFormats.has(format)
  await play(exchange, script, {
    ...commonPart(exchange, script, key),
    errorEvent: namedErrorEvent,
    stream: record.stream,
    seed,
    visibleTokens: pieces.length,
    hiddenTokens: 0,
    usage: isText ? null : usage.parsed,
    ...(isText ? { bodyType: 'text/plain; charset=utf-8' } : {}),
    renderBody: () => renderTranscript(format, pieces, seconds ?? pieces.length, request.timestamp_granularities ?? [], usage.text),
    renderEvents: () => renderEvents(pieces, usage),
  })
}

const bytesPerAudioToken = 100

function checkTranscription(body: JsonObject): OpenAiError | null {
  const error = checkTopLevel(body, parameters, ['file', 'model'])
  if (error || body.timestamp_granularities === undefined || body.response_format === 'verbose_json') return error
  return invalidRequest("Timestamp granularities are only supported with response_format 'verbose_json'.", 'timestamp_granularities')
}

/** Only for a body that passed the parameter checks: they are what makes this cast true. */
function readTranscription(body: JsonObject): TranscriptionRequest {
  return body as unknown as TranscriptionRequest
}

/** A file called `talk.seconds-30.mp3` is billed by its length, as Whisper does. */
function secondsOf(name: string): number | null {
  const found = /\.seconds-(\d{1,6})\./.exec(name)
  return found ? Number(found[1]) : null
}

function countTokens(audioTokens: number, textTokens: number, outputTokens: number): JsonObject {
  return {
    type: 'tokens',
    input_tokens: audioTokens + textTokens,
    input_token_details: { text_tokens: textTokens, audio_tokens: audioTokens },
    output_tokens: outputTokens,
    total_tokens: audioTokens + textTokens + outputTokens,
  }
}

function renderEvents(pieces: readonly string[], usage: PlacedUsage): StreamEvent[] {
  const events: StreamEvent[] = pieces.map((delta) => ({ data: JSON.stringify({ type: 'transcript.text.delta', delta }), tokens: 1 }))
  const done = `{"type":"transcript.text.done","text":${JSON.stringify(pieces.join(''))}${usage.text}}`
  return [...events, { data: done, tokens: 0, usage: usage.parsed }]
}
